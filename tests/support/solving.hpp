#pragma once

#include "layers/conda/solve/solve.hpp"
#include "tests/support/memory_records.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// The specs as a user writes them; a test that writes a bad one ends.
std::vector<conda::RequestedSpec> requested(std::initializer_list<std::string_view> texts);

conda::Request request(std::initializer_list<std::string_view> texts);

/// "name-version-build" of what is installed, in link order, or "conflict", "not_found" and so on.
std::vector<std::string> dists(const Result<conda::Solution>& solution);

/// solve() without a way to stop it.
Result<conda::Solution> solve(const conda::Request& request, conda::RecordSource& source);

/// __glibc 2.31 and its like.
conda::PackageRecord virtual_package(std::string_view name, std::string_view version);

}  // namespace kiln::testing
