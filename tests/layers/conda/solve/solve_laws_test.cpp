#include "layers/conda/solve/solve.hpp"
#include "tests/support/check_conda_solve.hpp"
#include "tests/support/memory_records.hpp"
#include "tests/support/solving.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

namespace kiln::conda {
namespace {

RC_GTEST_PROP(SolveLaws, AnswersAsTryingEveryChoiceDoes, ()) {
    const auto count = static_cast<std::size_t>(*rc::gen::inRange(0, 160));
    const auto numbers = *rc::gen::container<std::vector<int>>(count, rc::gen::inRange(0, 256));
    std::vector<std::byte> bytes;
    for (const int number : numbers) {
        bytes.push_back(static_cast<std::byte>(number));
    }

    testing::check_conda_solve(bytes);
}

}  // namespace
}  // namespace kiln::conda
