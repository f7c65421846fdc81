#include "layers/conda/channel/channel_source.hpp"
#include "layers/conda/solve/solve.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/memory_records.hpp"
#include "tests/support/solving.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// A sudoku as a channel: a cell is a package, a digit a version, and each record constrains the
/// cells of its row, column and box to other digits. Nothing is decided by unit propagation alone.
namespace kiln::conda {
namespace {

using testing::FailsWith;
using testing::MemoryRecords;
using testing::record;
using ::testing::SizeIs;
using testing::solve;
using testing::Succeeds;

constexpr int k_side = 9;
using Grid = std::array<std::string, k_side>;

const Grid k_puzzle = {
    ".....7...",  //
    "......4..",  //
    "1.95...7.",  //
    "..2.3....",  //
    "...89...2",  //
    "53.....6.",  //
    "76...1.5.",  //
    ".4.....3.",  //
    ".2....9..",
};

std::string cell(int row, int column) {
    return fmt::format("r{}c{}", row, column);
}

bool see_each_other(int row, int column, int other_row, int other_column) {
    const bool same_box = row / 3 == other_row / 3 && column / 3 == other_column / 3;
    return (row == other_row || column == other_column || same_box)
           && !(row == other_row && column == other_column);
}

MemoryRecords sudoku() {
    MemoryRecords source;
    for (int row = 0; row < k_side; ++row) {
        for (int column = 0; column < k_side; ++column) {
            for (int digit = 1; digit <= k_side; ++digit) {
                PackageRecord made = record(fmt::format("{} {} 0", cell(row, column), digit));
                for (int other = 0; other < k_side * k_side; ++other) {
                    if (see_each_other(row, column, other / k_side, other % k_side)) {
                        made.constrains.push_back(
                            fmt::format("{} !={}", cell(other / k_side, other % k_side), digit)
                        );
                    }
                }
                source.add(std::move(made));
            }
        }
    }
    return source;
}

Request request_of(const Grid& given) {
    Request request;
    for (int row = 0; row < k_side; ++row) {
        for (int column = 0; column < k_side; ++column) {
            const char digit =
                given.at(static_cast<std::size_t>(row)).at(static_cast<std::size_t>(column));
            const std::string text =
                cell(row, column) + (digit == '.' ? "" : fmt::format("=={}", digit));
            request.specs.push_back({.spec = *MatchSpec::parse(text), .as_written = text});
        }
    }
    return request;
}

TEST(Sudoku, IsSolved) {
    MemoryRecords source = sudoku();

    const auto solution = solve(request_of(k_puzzle), source);

    ASSERT_THAT(solution, Succeeds());
    ASSERT_THAT(solution->records, SizeIs(k_side * k_side));
    std::set<std::string> seen;
    for (const PackageRecord& found : solution->records) {
        const int row = found.name.at(1) - '0';
        const int column = found.name.at(3) - '0';
        const std::string digit = found.version.text();
        const char given =
            k_puzzle.at(static_cast<std::size_t>(row)).at(static_cast<std::size_t>(column));
        EXPECT_TRUE(given == '.' || digit == std::string(1, given)) << found.name;
        EXPECT_TRUE(seen.insert(fmt::format("row {} {}", row, digit)).second);
        EXPECT_TRUE(seen.insert(fmt::format("column {} {}", column, digit)).second);
        EXPECT_TRUE(seen.insert(fmt::format("box {} {}", row / 3 * 3 + column / 3, digit)).second);
    }
    EXPECT_GT(solution->counts.conflicts, 0U);
}

TEST(Sudoku, WithAWrongDigitExcludesItself) {
    MemoryRecords source = sudoku();
    Grid wrong = k_puzzle;
    wrong[0] = "..1..7...";  // the third row begins with a 1, in the same box

    const auto solution = solve(request_of(wrong), source);

    ASSERT_THAT(solution, FailsWith(Code::conflict));
    EXPECT_THAT(solution.error().message, ::testing::StartsWith("r0c2==1 and r2c0==1 exclude"));
}

TEST(Sudoku, OfMambasTestsIsRefusedForItsBoxes) {
    const std::filesystem::path file =
        std::filesystem::path(KILN_SHARED_DIR)
        / "conda/repodata/mamba/libmamba__tests__data__repodata__sudoku.json";
    if (!std::filesystem::exists(file)) {
        GTEST_SKIP() << "needs " << file;
    }
    const std::string text = testing::read_text(file);
    const ByteSpan bytes = as_bytes(text);
    auto repodata = Repodata::read(Bytes(bytes.begin(), bytes.end()), "sudoku.json");
    ASSERT_THAT(repodata, Succeeds());
    ChannelSource source;
    source.add(
        *Channel::from_url("https://channel.example/sudoku"),
        "noarch",
        std::make_shared<WholeSubdir>(std::move(*repodata))
    );

    // Its cells beyond the third column exclude the box at the left edge too, which leaves no
    // digit.
    const auto solution = solve(testing::request({"sudoku_0_0==1", "sudoku_4_4==1"}), source);

    EXPECT_THAT(solution, FailsWith(Code::conflict));
}

}  // namespace
}  // namespace kiln::conda
