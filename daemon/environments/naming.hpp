#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace kiln::daemon {

inline constexpr std::size_t k_environment_name_bytes = 255;
inline constexpr std::size_t k_environment_version_bytes = 255;

/// Letters, digits, '-', '_' and '.', at most 255; not "." and "..", which a URL would lose.
/// Errors   invalid_input with a hint; too_large.
Result<void> check_environment_name(std::string_view name);
/// The same letters, and '+'. Errors   as above.
Result<void> check_environment_version(std::string_view version);
/// A workspace is named as an environment is. Errors   as above.
Result<void> check_workspace_name(std::string_view name);

/// Begins with AzureML- or Microsoft, in any case.
bool is_reserved_name(std::string_view name);

/// Errors   permission with a hint: the name is reserved, or a curated environment of the workspace
///          bears it.
Result<void> refuse_reserved_name(
    std::string_view name, std::span<const std::string> curated_names = {}
);

/// A whole number as one writes it, of at most 18 digits: "7", not "07", "+7" or "7.0".
bool is_whole_version(std::string_view version);

/// One more than the greatest whole number among them; "1" where there is none.
std::string next_version(std::span<const std::string> versions);

/// Which of two versions is the earlier: runs of digits by their value, all else by its bytes, so
/// that 9 < 10 and 2.9 < 2.10. A strict order: of different versions one is less.
bool version_less(std::string_view left, std::string_view right);

/// The last by version_less(); empty for none.
std::string latest_version(std::span<const std::string> versions);

/// "NAME" or "NAME:VERSION", with "env:" before it or not.
struct EnvironmentReference {
    std::string name;
    std::string version;  // empty: the latest

    /// Errors   invalid_input with a hint.
    static Result<EnvironmentReference> parse(std::string_view text);
    [[nodiscard]] std::string render() const;  // without "env:"
};

}  // namespace kiln::daemon
