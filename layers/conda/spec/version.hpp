#pragma once

#include "store/base/error.hpp"

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace kiln::conda {

/// cep-26, "Version strings": longer ones are refused.
inline constexpr std::size_t k_version_bytes = 64;

/// A version literal (cep-33), compared by what it means and shown as it was written: "1.1" equals
/// "1.1.0.0" and "1.1.0RC1" equals "1.1.0rc1", but text() keeps the difference.
///
/// Parsing encodes the segments as a byte string whose bytewise order is the order of cep-33
/// (version.cpp says how), so that comparing is one memcmp and equal versions have equal keys.
class Version {
  public:
    Version() = default;  // "0"

    /// Errors   invalid_input with the column: empty, too long, a character that no version has,
    ///          an empty segment, two epochs or local parts, a number beyond 64 bits. (cep-33 stops
    ///          at 2^31-1; packages in use are dated by the second, 20200909083119.)
    static Result<Version> parse(std::string_view text);

    [[nodiscard]] const std::string& text() const { return text_; }

    /// What order and equality are made of: equal versions, and only those, have equal keys.
    [[nodiscard]] const std::string& key() const { return key_; }

    friend std::weak_ordering operator<=>(const Version& left, const Version& right) {
        return left.key_.compare(right.key_) <=> 0;
    }

    friend bool operator==(const Version& left, const Version& right) {
        return left.key_ == right.key_;
    }

  private:
    std::string text_ = "0";
    std::string key_ = "\x82\x82";
};

}  // namespace kiln::conda

template<>
struct std::hash<kiln::conda::Version> {
    std::size_t operator()(const kiln::conda::Version& version) const noexcept {
        return std::hash<std::string>{}(version.key());
    }
};
