#pragma once

#include "store/base/json.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// A folder of cases that other projects publish as data; they are read in place, never copied.
std::filesystem::path corpus(std::string_view name);

std::string read_text(const std::filesystem::path& path);

/// One table of a tables.json: what a Go test calls `variable` in the function `function`.
json::Value corpus_table(
    const std::filesystem::path& file, std::string_view function, std::string_view variable
);

/// The same where the table is a list: owns its rows, so that a range-for may hold it.
json::Array corpus_rows(
    const std::filesystem::path& file, std::string_view function, std::string_view variable
);

}  // namespace kiln::testing

/// First line of a test that reads a corpus.
#define SKIP_WITHOUT_CORPUS(name)                                         \
    if (!std::filesystem::exists(::kiln::testing::corpus(name))) {        \
        GTEST_SKIP() << "../shared/corpora/" << (name) << " is not here"; \
    }
