#pragma once

#include "layers/conda/spec/package_record.hpp"
#include "layers/conda/spec/string_pattern.hpp"
#include "layers/conda/spec/version_spec.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_match_spec_bytes = 8'192;
inline constexpr std::size_t k_match_spec_fields = 32;
inline constexpr std::size_t k_condition_depth = 16;

enum class SpecForm : std::uint8_t {
    user,     // what a person types: packages by URL or path are taken, # starts a comment
    depends,  // depends and constrains of repodata: carriage returns are trimmed
};

/// A field of a record that `[key=pattern]` matches, beside name, version and build.
enum class SpecField : std::uint8_t {
    channel,
    subdir,
    build_number,
    track_features,  // one of them, or all, space-separated
    features,
    url,
    md5,
    sha256,
    license,
    license_family,
    file_name,  // `fn`
    size,
    timestamp,
    noarch,
};

/// `build_number='>=6'`: an order where others only have text.
struct NumberComparison {
    enum class Kind : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };
    Kind kind = Kind::equal;
    std::uint64_t number = 0;
    bool operator==(const NumberComparison&) const = default;
};

struct FieldPattern {
    SpecField field = SpecField::channel;
    StringPattern pattern;                       // where there is no comparison
    std::optional<NumberComparison> comparison;  // of build_number, size and timestamp
    [[nodiscard]] bool matches(const PackageRecord& record) const;
    [[nodiscard]] std::string text() const;
    bool operator==(const FieldPattern&) const = default;
};

struct Condition;

/// Subdirs that are told from the last part of a channel: "linux-64", "noarch".
bool is_known_subdir(std::string_view text);

/// A query for package records (cep-29; when= of cep-43, extras= of cep-44, flags= of cep-45):
///   channel/subdir:namespace:name version build [key=value, …]
/// Equal whatever the spelling: `pkg=1.8`, `pkg 1.8.*` and `pkg[version='1.8.*']` are one spec.
class MatchSpec {
  public:
    /// Errors   invalid_input with the column and a hint; unsupported for a key that no record
    ///          has; too_large.
    static Result<MatchSpec> parse(std::string_view text, SpecForm form = SpecForm::user);

    /// Canonical (cep-29, appendix A); parses to an equal spec.
    [[nodiscard]] std::string text() const;

    /// Every expression matches. `when` and `extras` are the solver's and play no part.
    [[nodiscard]] bool matches(const PackageRecord& record) const;
    /// The same for a record whose name is known to match: what a solver asks thousands of times.
    [[nodiscard]] bool matches_named(const PackageRecord& record) const;

    [[nodiscard]] const StringPattern& name() const { return name_; }

    [[nodiscard]] const VersionSpec& version() const { return version_; }

    [[nodiscard]] const StringPattern& build() const { return build_; }

    /// Sorted by field, one pattern a field.
    [[nodiscard]] const std::vector<FieldPattern>& fields() const { return fields_; }

    [[nodiscard]] const FieldPattern* field(SpecField field) const;  // nullptr: not asked for

    [[nodiscard]] const std::vector<std::string>& extras() const { return extras_; }

    [[nodiscard]] const std::vector<StringPattern>& flags() const { return flags_; }

    /// nullptr: unconditional.
    [[nodiscard]] const Condition* when() const;

    friend bool operator==(const MatchSpec& left, const MatchSpec& right);

  private:
    friend class MatchSpecParser;

    StringPattern name_;
    VersionSpec version_;
    StringPattern build_;
    std::vector<FieldPattern> fields_;
    std::vector<std::string> extras_;   // sorted, unique
    std::vector<StringPattern> flags_;  // sorted, unique
    std::vector<Condition> when_;       // none or one
};

/// What must hold for a conditional dependency to count (cep-43): specs joined by `and` and `or`.
struct Condition {
    enum class Kind : std::uint8_t { spec, all_of, any_of };
    Kind kind = Kind::spec;
    MatchSpec spec;                   // of Kind::spec
    std::vector<Condition> operands;  // of the others, at least two, in the order written

    /// Errors   as MatchSpec::parse().
    static Result<Condition> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    friend bool operator==(const Condition& left, const Condition& right);
};

}  // namespace kiln::conda
