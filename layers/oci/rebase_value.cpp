#include "layers/oci/rebase_value.hpp"

namespace kiln::oci {

std::string carried_value(const CarriedValue& variable) {
    const std::string before = variable.before.value_or("");
    const std::string after = variable.after.value_or("");
    std::string value = variable.value;
    // The whole value is the old one: then the step wrote it, and it stays.
    if (before.empty() || before == after || before == value) {
        return value;
    }
    for (std::size_t at = value.find(before); at != std::string::npos;) {
        const std::size_t end = at + before.size();
        const bool begins = at == 0 || value[at - 1] == ':';
        const bool ends = end == value.size() || value[end] == ':';
        if (begins && ends) {
            value.replace(at, before.size(), after);
            at = value.find(before, at + after.size());
        } else {
            at = value.find(before, at + 1);
        }
    }
    return value;
}

}  // namespace kiln::oci
