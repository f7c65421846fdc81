#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::oci {

/// A variable that the image's own steps set, and what it was and is in the bases.
struct CarriedValue {
    std::string name;
    std::string value;
    std::optional<std::string> before;
    std::optional<std::string> after;
};

/// The value with what it took up from the old base exchanged: the old base's value counts where it
/// stands between ':' and the ends.
std::string carried_value(const CarriedValue& variable);

/// Begins what history says where an environment took variables away, which no ENV can: the names
/// follow.
inline constexpr std::string_view k_unset = "conda unset ";

/// Follows ENV instructions, as Dockerfiles have them, upon an environment ("NAME=value" lists),
/// and what begins with k_unset.
/// Shape    nullopt where one has more than NAME=value in plain words, quotes and $NAME: that is
///          for a parser of Dockerfiles, and not needed to tell what a base gave.
std::optional<std::vector<std::string>> replay_env(
    std::span<const std::string> instructions, std::vector<std::string> env
);

}  // namespace kiln::oci
