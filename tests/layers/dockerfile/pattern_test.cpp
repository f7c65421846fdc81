#include "layers/dockerfile/pattern.hpp"

#include "layers/dockerfile/limits.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_table;
using testing::FailsWith;
using testing::Succeeds;

json::Array table(std::string_view function, std::string_view variable) {
    return corpus_table(corpus("patternmatcher") / "tables.json", function, variable).as_array();
}

std::string text(const json::Value& value) {
    return value.as_string().c_str();
}

TEST(GlobMatch, AgreesWithEveryRowOfTheTable) {
    SKIP_WITHOUT_CORPUS("patternmatcher");
    for (const auto& row : table("", "matchTests")) {
        const std::string pattern = text(row.at("pattern"));
        const auto result = glob_match(pattern, text(row.at("s")));
        if (!row.at("err").is_null()) {
            EXPECT_THAT(result, FailsWith(Code::invalid_input)) << pattern;
            continue;
        }
        ASSERT_THAT(result, Succeeds()) << pattern;
        // The table is of the ignore matcher, for which a parent's match counts.
        const auto with_parents = Pattern::glob(pattern)->matches_path_or_parent(text(row.at("s")));
        EXPECT_EQ(with_parents, row.at("match").as_bool()) << pattern << " " << row.at("s");
    }
}

TEST(GlobMatch, StopsAtSlashes) {
    EXPECT_TRUE(*glob_match("a*", "abc"));
    EXPECT_FALSE(*glob_match("a*", "ab/c"));
    EXPECT_FALSE(*glob_match("a**", "ab/c"));
    EXPECT_TRUE(*glob_match("a/[[]b]", "a/[b]"));
}

TEST(Pattern, AgreesWithEveryRowOfTheMatchTable) {
    SKIP_WITHOUT_CORPUS("patternmatcher");
    for (const auto& row : table("TestMatches", "tests")) {
        const auto pattern = Pattern::ignore(clean_path(text(row.at("pattern"))));
        ASSERT_THAT(pattern, Succeeds());
        EXPECT_EQ(pattern->matches_path_or_parent(text(row.at("text"))), row.at("pass").as_bool())
            << row.at("pattern") << " " << row.at("text");
    }
}

/// The shapes with a fast way and those without must agree: a class of one character is the same
/// pattern, and has none.
TEST(Pattern, FastWaysAgreeWithTheMachine) {
    struct Pair {
        std::string fast;
        std::string slow;
    };

    const std::vector<Pair> pairs = {
        {"a", "[a]"},
        {"a/b", "a/[b]"},
        {"a/**", "[a]/**"},
        {"ab**", "[a]b**"},
        {"**/b", "**/[b]"},
        {"**/a/b", "**/a/[b]"},
        {"*.b", "*[.]b"},
        {"**/*.b", "**/*[.]b"},
        {"*", "*[a-z./]*"},
    };
    const std::vector<std::string> paths = {
        "a",       "b",     "a/b",    "a/b/c",  "c/a/b", "ab",      "ab/c",  "abc/d", "x.b",
        "x.b/c",   "c/x.b", ".b",     "a/.b/c", "aa/b",  "a/bb",    "a/a/b", "bb",    "b/a",
        "a/b/a/b", "c/b/d", "c/bb/d", "x.bb/c", "a.b.b", "a/x.b/y", "ba",    "c/ba",  "a/ba/b",
    };

    for (const Pair& pair : pairs) {
        const auto fast = Pattern::ignore(pair.fast);
        const auto slow = Pattern::ignore(pair.slow);
        ASSERT_THAT(fast, Succeeds());
        ASSERT_THAT(slow, Succeeds());
        for (const std::string& path : paths) {
            EXPECT_EQ(fast->matches_path_or_parent(path), slow->matches_path_or_parent(path))
                << pair.fast << " " << path;
        }
    }
}

TEST(Pattern, KnowsWhereSomethingBelowCouldMatch) {
    const auto below = [](std::string_view pattern, std::string_view directory) {
        return Pattern::ignore(pattern)->may_match_below(directory);
    };

    EXPECT_TRUE(below("a/b/c", "a"));
    EXPECT_TRUE(below("a/b/c", "a/b"));
    EXPECT_FALSE(below("a/b/c", "a/b/c"));
    EXPECT_FALSE(below("a/b/c", "b"));
    EXPECT_TRUE(below("**/c", "x/y"));
    EXPECT_TRUE(below("a*/c", "ab"));
    EXPECT_FALSE(below("*.md", "docs"));
    EXPECT_TRUE(below("docs/**", "docs/deep"));
}

TEST(Pattern, TakesLinearTimeForWhatMakesOthersBacktrack) {
    std::string pattern;
    for (int i = 0; i < 500; ++i) {
        pattern += "*a";
    }
    const auto compiled = Pattern::ignore(pattern + "b");
    const auto starred = Pattern::ignore("**/a/**/a/**/a/**/a/**/a/**/b");
    std::string path(2000, 'a');
    std::string deep;
    for (int i = 0; i < 1000; ++i) {
        deep += "a/";
    }

    EXPECT_FALSE(compiled->matches_path_or_parent(path));
    EXPECT_FALSE(starred->matches_path_or_parent(deep + "c"));
}

TEST(Pattern, RefusesWhatIsLongerThanAPath) {
    EXPECT_THAT(Pattern::ignore(std::string(k_pattern_bytes + 1, 'a')), FailsWith(Code::too_large));
}

TEST(CleanPath, ReadsAsGoDoes) {
    EXPECT_EQ(clean_path(""), ".");
    EXPECT_EQ(clean_path("./a//b/../c/"), "a/c");
    EXPECT_EQ(clean_path("/../a"), "/a");
    EXPECT_EQ(clean_path("../a/../.."), "../..");
    EXPECT_EQ(clean_path("/"), "/");
    EXPECT_EQ(clean_path("a/.."), ".");
}

RC_GTEST_PROP(CleanPath, IsStable, (const std::vector<std::uint8_t>& bytes)) {
    std::string path;
    for (const std::uint8_t byte : bytes) {
        path += "/.a"[byte % 3];
    }

    RC_ASSERT(clean_path(clean_path(path)) == clean_path(path));
}

/// Whatever matches below a directory, the question about the directory must have allowed it.
RC_GTEST_PROP(Pattern, NeverPrunesWhatMatches, (const std::vector<std::uint8_t>& bytes)) {
    constexpr std::string_view k_parts[] = {"a", "b", "/", "*", "**", "?", "/", "[ab]"};
    std::string pattern;
    std::string path;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i % 2 == 0) {
            pattern += k_parts[bytes[i] % 8];
        } else {
            path += k_parts[bytes[i] % 3];
        }
    }
    path = clean_path("x/" + path).substr(0);
    const auto compiled = Pattern::ignore(clean_path(pattern));
    RC_PRE(compiled.has_value());

    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
        const std::string directory = path.substr(0, slash);
        if (compiled->matches(path) && !compiled->matches_path_or_parent(directory)) {
            RC_ASSERT(compiled->may_match_below(directory));
        }
    }
}

}  // namespace
}  // namespace kiln::dockerfile
