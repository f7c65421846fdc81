#pragma once

#include "layers/conda/spec/string_pattern.hpp"
#include "layers/conda/spec/version.hpp"

#include <cstdint>
#include <string>

namespace kiln::conda {

/// One node of a VersionSpec: a group, whose members follow it, or a comparison.
struct VersionClause {
    enum class Kind : std::uint8_t {
        all_of,
        any_of,
        any,
        equal,
        not_equal,
        less,
        less_equal,
        greater,
        greater_equal,
        starts_with,
        not_starts_with,
        compatible,
        pattern,
        not_pattern,
    };

    Kind kind = Kind::any;
    std::uint32_t nodes = 1;  // this one and what belongs to it
    Version version;          // of comparisons
    std::string prefix;       // of starts_with, not_starts_with and compatible
    StringPattern pattern;    // of pattern and not_pattern: of the version's text

    [[nodiscard]] bool is_group() const { return kind == Kind::all_of || kind == Kind::any_of; }

    [[nodiscard]] bool matches(const Version& candidate) const;  // of no group
    [[nodiscard]] std::string text() const;                      // of no group
    bool operator==(const VersionClause&) const = default;
};

}  // namespace kiln::conda
