#pragma once

#include "layers/conda/spec/version.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

namespace kiln::conda {

/// A version that a test knows to be well formed.
inline Version version(std::string_view text) {
    auto parsed = Version::parse(text);
    EXPECT_THAT(parsed, testing::Succeeds()) << text;
    return parsed ? *parsed : Version();
}

}  // namespace kiln::conda
