#include "store/base/error.hpp"

#include "tests/support/matchers.hpp"

#include <cerrno>
#include <set>
#include <string>

namespace kiln {
namespace {

using testing::FailsSaying;
using testing::Succeeds;

Result<int> half(int number) {
    if (number % 2 != 0) {
        return fail(Code::invalid_input, "{} is odd", number);
    }
    return number / 2;
}

Result<int> quarter(int number) {
    TRY_ASSIGN(const int once, half(number), "while halving {}", number);
    return half(once);
}

TEST(Error, EveryCodeHasItsRowAndItsOwnName) {
    std::set<std::string_view> names;

    for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
        const CodeFacts& row = facts(static_cast<Code>(code));
        names.insert(row.name);
        EXPECT_EQ(parse_code(row.name), static_cast<Code>(code));
        EXPECT_GE(row.http_status, 400);
        EXPECT_GT(row.exit_code, 0);
    }

    EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::internal) + 1);
}

TEST(Error, KeepsTheWordsOfEveryLayerItPasses) {
    EXPECT_THAT(quarter(3), FailsSaying(Code::invalid_input, "3 is odd (while halving 3)"));
    EXPECT_THAT(quarter(2), FailsSaying(Code::invalid_input, "1 is odd"));
    EXPECT_THAT(quarter(8), Succeeds());
}

TEST(Error, TakesItsCodeFromErrno) {
    EXPECT_EQ(errno_error(ENOENT, "x").code, Code::not_found);
    EXPECT_EQ(errno_error(ENOSPC, "x").code, Code::out_of_space);
    EXPECT_EQ(errno_error(EPERM, "x").code, Code::permission);
    EXPECT_EQ(errno_error(EIO, "x").code, Code::internal);

    errno = ENOENT;
    const Result<void> failed = fail_errno("some file");

    EXPECT_THAT(failed, FailsSaying(Code::not_found, "some file: No such file or directory"));
}

}  // namespace
}  // namespace kiln
