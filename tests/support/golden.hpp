#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// The names of the folders in tests/golden/<area>, sorted: one case each.
std::vector<std::string> golden_cases(std::string_view area);

/// The text of tests/golden/<path>; a failure of the test when it is absent.
std::string golden_input(const std::string& path);

/// Whether tests/golden/<path> is there.
bool has_golden(const std::string& path);

/// Compares with tests/golden/<path>. With UPDATE_GOLDEN=1 in the environment the file is rewritten
/// instead, and the test counts as skipped, never as passed.
void expect_golden(const std::string& path, std::string_view actual);

/// For INSTANTIATE_TEST_SUITE_P: a case's name with '_' where gtest wants no other character.
std::string golden_name(const ::testing::TestParamInfo<std::string>& info);

}  // namespace kiln::testing
