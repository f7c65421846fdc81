#include "layers/tar/tar_entry.hpp"

#include "tests/support/matchers.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace kiln::tar {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;

TEST(PathLess, PutsADirectoryRightBeforeWhatItHolds) {
    std::vector<std::string> paths{"a-b", "a/x", "a", "a/x/y", "a.b", "", "a/x-1", "b"};

    std::sort(paths.begin(), paths.end(), path_less);

    EXPECT_THAT(paths, ElementsAre("", "a", "a/x", "a/x/y", "a/x-1", "a-b", "a.b", "b"));
}

TEST(PathLess, ComparesBytesWithoutSign) {
    EXPECT_TRUE(path_less("a", "\xc3\xa4"));
    EXPECT_FALSE(path_less("\xc3\xa4", "a"));
}

RC_GTEST_PROP(
    PathLess,
    OrdersAsTheListsOfComponentsDo,
    (const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b)
) {
    const auto path_of = [](const std::vector<std::uint8_t>& bytes) {
        std::string path;
        for (const std::uint8_t each : bytes) {
            path += "/-az"[each % 4];
        }
        return clean_path(path).value();
    };
    const auto components = [](std::string_view path) {
        std::vector<std::string> parts;
        while (!path.empty()) {
            const std::size_t end = std::min(path.find('/'), path.size());
            parts.emplace_back(path.substr(0, end));
            path.remove_prefix(std::min(end + 1, path.size()));
        }
        return parts;
    };

    const std::string left = path_of(a);
    const std::string right = path_of(b);

    RC_ASSERT(path_less(left, right) == (components(left) < components(right)));
}

TEST(CleanPath, StripsWhatDoesNotName) {
    EXPECT_EQ(clean_path("./a//b/./c/").value(), "a/b/c");
    EXPECT_EQ(clean_path("/etc/passwd").value(), "etc/passwd");
    EXPECT_EQ(clean_path("./").value(), "");
    EXPECT_EQ(clean_path("..a/b..").value(), "..a/b..");
}

RC_GTEST_PROP(CleanPath, KnowsWhichPathsAreClean, (const std::vector<std::uint8_t>& bytes)) {
    std::string name;
    for (const std::uint8_t each : bytes) {
        name += std::string_view("/.\0a", 4)[each % 4];
    }

    const auto clean = clean_path(name);

    RC_ASSERT(is_clean_path(name) == (clean && *clean == name));
    if (clean) {
        RC_ASSERT(is_clean_path(*clean));
    }
}

TEST(CleanPath, RefusesNamesThatLeadUpwards) {
    EXPECT_THAT(clean_path("../x"), FailsSaying(Code::invalid_input, "'..'"));
    EXPECT_THAT(clean_path("a/../b"), FailsWith(Code::invalid_input));
    EXPECT_THAT(clean_path("a/.."), FailsWith(Code::invalid_input));
}

TEST(CleanPath, RefusesWhatLinuxCannotName) {
    EXPECT_THAT(clean_path(std::string("a\0b", 3)), FailsSaying(Code::invalid_input, "NUL"));
    EXPECT_THAT(clean_path(std::string(256, 'a')), FailsWith(Code::invalid_input));
    std::string deep;
    for (int i = 0; i < 600; ++i) {
        deep += "a/";
    }
    EXPECT_THAT(clean_path(deep), FailsWith(Code::invalid_input));
}

}  // namespace
}  // namespace kiln::tar
