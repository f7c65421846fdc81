#pragma once

#include "store/base/json.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace kiln::oci::testing {

/// Calls `row` for every row of one table of a corpus in ../shared; false when it is not there.
bool each_row(
    const std::string& corpus,
    std::string_view function,
    std::string_view variable,
    const std::function<void(const json::Value& row)>& row
);

/// A string field of a row, "" when it is absent or something else.
std::string text_of(const json::Value& row, std::string_view key);

}  // namespace kiln::oci::testing
