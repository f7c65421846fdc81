#pragma once

#include <optional>
#include <string>

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

}  // namespace kiln::oci
