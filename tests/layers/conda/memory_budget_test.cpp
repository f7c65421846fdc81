#include "layers/conda/memory_budget.hpp"

#include "layers/conda/package_layer.hpp"
#include "layers/conda/package_reader.hpp"
#include "tests/support/conda_layers.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::file_of;
using ::kiln::testing::make_zip;
using ::kiln::testing::open_package;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;

constexpr std::uint64_t k_mib = 1024 * 1024;

TEST(MemoryBudget, IsNeverExceededAndEveryoneHasATurn) {
    MemoryBudget budget(100);
    std::atomic<std::uint64_t> used{0};
    std::atomic<std::uint64_t> most{0};
    std::atomic<int> turns{0};
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < 8; ++i) {
        threads.emplace_back([&, wanted = 20 + 10 * i] {
            for (int round = 0; round < 50; ++round) {
                const auto share = budget.acquire(wanted);
                const std::uint64_t now = used += wanted;
                std::uint64_t seen = most;
                while (seen < now && !most.compare_exchange_weak(seen, now)) {
                }
                used -= wanted;
                ++turns;
            }
        });
    }
    threads.clear();

    EXPECT_LE(most, 100U);
    EXPECT_EQ(turns, 400);
}

TEST(MemoryBudget, MoreThanAllOfItIsAllOfIt) {
    MemoryBudget budget(10);
    { const auto share = budget.acquire(1000); }
    const auto again = budget.acquire(10);
}

std::uint64_t window_of(const std::string& payload) {
    const Fd fd = file_of(make_zip(
        {{.name = "info-a.tar.zst", .content = ""}, {.name = "pkg-a.tar.zst", .content = payload}}
    ));
    const auto window = PackageReader(fd.get(), "a.conda", {}).window_bytes();
    EXPECT_THAT(window, Succeeds());
    return window.value_or(0);
}

std::string frame(std::initializer_list<unsigned> header) {
    std::string bytes = "\x28\xb5\x2f\xfd";
    for (const unsigned byte : header) {
        bytes += static_cast<char>(byte);
    }
    return bytes + std::string(16, '\xff');
}

TEST(MemoryNeeded, IsWhatTheFrameDeclares) {
    EXPECT_EQ(window_of(frame({0x00, 0x88})), 128 * k_mib);  // a window of 2^27, no content size
    EXPECT_EQ(window_of(frame({0x00, 0x69})), 8 * k_mib + k_mib);
    EXPECT_EQ(window_of(frame({0x80, 0x88, 0x40, 0x42, 0x0f, 0x00})), 1'000'000U);
    EXPECT_EQ(window_of(frame({0x20, 0x07})), 7U);          // a single segment of 7 bytes
    EXPECT_EQ(window_of(frame({0x60, 0x00, 0x01})), 512U);  // two bytes, from 256 on
    EXPECT_EQ(window_of(frame({0x82, 0x50, 1, 2, 0x05, 0x00, 0x00, 0x00})), 5U);
    EXPECT_EQ(window_of("no zstd"), 0U);
    EXPECT_EQ(window_of(""), 0U);
}

TEST(MemoryNeeded, OfASmallPackageIsSmallWhateverWindowItDeclares) {
    const PackageMaker maker = PackageMaker("a").file("x", std::string(10'000, 'x'));
    auto package = open_package(file_of(maker.conda()), "a.conda");
    ASSERT_THAT(package, Succeeds());
    const auto plan = plan_environment({package->described}, {.prefix = "/opt/env"});
    ASSERT_THAT(plan, Succeeds());

    const auto needed = memory_needed({.package_fd = package->fd.get()}, plan->packages[0]);

    ASSERT_THAT(needed, Succeeds());
    EXPECT_GE(*needed, 10'000U);
    EXPECT_LT(*needed, 100'000U);
}

TEST(MemoryNeeded, OfRealPackagesStaysWithinWindowAndSpool) {
    const std::filesystem::path folder = KILN_SHARED_DIR "/conda/packages/vini-linux-64";
    if (!std::filesystem::exists(folder)) {
        GTEST_SKIP() << "no ../shared/conda/packages/vini-linux-64";
    }
    std::uint64_t most = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        auto package = open_package(file.path().string());
        ASSERT_THAT(package, Succeeds());
        package->described.metadata.noarch = Noarch::no;  // alone, without a python
        const auto plan = plan_environment({package->described}, {.prefix = "/opt/env"});
        ASSERT_THAT(plan, Succeeds());
        const auto needed = memory_needed({.package_fd = package->fd.get()}, plan->packages[0]);
        ASSERT_THAT(needed, Succeeds());
        most = std::max(most, *needed);
    }
    EXPECT_GT(most, 8 * k_mib);
    EXPECT_LE(most, 192 * k_mib);
}

}  // namespace
}  // namespace kiln::conda
