#pragma once

#include <string>

namespace kiln::testing {

/// The seeds of a fuzz target, a few bytes changed: near to what is valid, and so past the first
/// checks. For use inside a property.
std::string arbitrary_mutation(const std::string& target);

}  // namespace kiln::testing
