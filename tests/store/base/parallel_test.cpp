#include "store/base/parallel.hpp"

#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace kiln {
namespace {

using testing::FailsSaying;
using testing::Succeeds;

TEST(ParallelEach, DoesEverythingOnce) {
    ThreadPool pool(3);
    std::vector<std::atomic<int>> done(1000);

    const auto result = parallel_each(pool, done.size(), [&](std::size_t i) -> Result<void> {
        ++done[i];
        return {};
    });

    EXPECT_THAT(result, Succeeds());
    for (const std::atomic<int>& count : done) {
        EXPECT_EQ(count.load(), 1);
    }
}

TEST(ParallelEach, WorksInsideATaskOfItsOwnPool) {
    ThreadPool pool(1);
    std::atomic<int> sum = 0;
    std::atomic<bool> finished = false;

    pool.submit([&] {
        const auto result = parallel_each(pool, 10, [&](std::size_t) -> Result<void> {
            ++sum;
            return {};
        });
        EXPECT_THAT(result, Succeeds());
        finished = true;
        finished.notify_one();
    });
    finished.wait(false);

    EXPECT_EQ(sum.load(), 10);
}

TEST(ParallelEach, TellsTheFirstFailure) {
    ThreadPool pool(2);

    const auto result = parallel_each(pool, 100, [&](std::size_t i) -> Result<void> {
        if (i >= 7) {
            return fail(Code::internal, "item {}", i);
        }
        return {};
    });

    EXPECT_THAT(result, FailsSaying(Code::internal, "item 7"));
}

}  // namespace
}  // namespace kiln
