#include "layers/dockerfile/ignore.hpp"

#include "layers/dockerfile/limits.hpp"
#include "tests/support/check_dockerignore.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_table;
using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

IgnoreRules rules_of(std::string_view text) {
    auto rules = IgnoreRules::parse(text, ".dockerignore");
    EXPECT_THAT(rules, Succeeds());
    return rules.value_or(IgnoreRules());
}

TEST(IgnoreRules, AgreeWithTheTableOfSeveralPatterns) {
    SKIP_WITHOUT_CORPUS("patternmatcher");
    const auto table =
        corpus_table(corpus("patternmatcher") / "tables.json", "TestMatches", "multiPatternTests");
    for (const auto& row : table.as_array()) {
        std::vector<std::string> patterns;
        for (const auto& pattern : row.at("patterns").as_array()) {
            patterns.emplace_back(pattern.as_string().c_str());
        }
        const auto rules = IgnoreRules::from_patterns(patterns);
        ASSERT_THAT(rules, Succeeds());
        EXPECT_EQ(
            rules->match(row.at("text").as_string().c_str()).ignored, row.at("pass").as_bool()
        ) << row;
    }
}

TEST(IgnoreRules, TellWhichLineDecided) {
    const IgnoreRules rules = rules_of("# python\n\n*.py\n!app.py\n");

    const auto ignored = rules.match("tool.py");
    const auto kept = rules.match("app.py");

    ASSERT_NE(ignored.decided_by, nullptr);
    EXPECT_TRUE(ignored.ignored);
    EXPECT_EQ(ignored.decided_by->line, 3U);
    EXPECT_EQ(ignored.decided_by->text, "*.py");
    EXPECT_FALSE(kept.ignored);
    EXPECT_EQ(kept.decided_by->line, 4U);
    EXPECT_EQ(rules.match("README.md").decided_by, nullptr);
}

TEST(IgnoreRules, ReadTheFileAsOtherBuildersDo) {
    const IgnoreRules rules = rules_of(
        "\xEF\xBB\xBFtest1\n/test2\n/a/file/here\n\n lastfile \r\n# a comment\n #no-comment\n"
        "! /inverted/abs/path\n./x/../y/\n"
    );

    EXPECT_TRUE(rules.match("test1").ignored);
    EXPECT_TRUE(rules.match("test2/below").ignored);
    EXPECT_TRUE(rules.match("a/file/here").ignored);
    EXPECT_TRUE(rules.match("lastfile").ignored);
    EXPECT_FALSE(rules.match("# a comment").ignored);
    EXPECT_TRUE(rules.match("#no-comment").ignored);
    EXPECT_TRUE(rules.match("y/z").ignored);
    EXPECT_EQ(rules.rules().size(), 7U);
}

TEST(IgnoreRules, RefuseALoneExclamationMarkWithItsPlace) {
    const auto rules = IgnoreRules::parse("a\n  !\n", ".dockerignore");

    ASSERT_THAT(rules, FailsWith(Code::invalid_input));
    EXPECT_EQ(rules.error().where, (Span{".dockerignore", 2, 3, 4}));
}

TEST(IgnoreRules, RefuseABadPatternWithItsPlace) {
    const auto rules = IgnoreRules::parse("a\nb[\n", ".dockerignore");

    ASSERT_THAT(rules, FailsSaying(Code::invalid_input, "b["));
    EXPECT_EQ(rules.error().where, (Span{".dockerignore", 2, 1, 3}));
}

TEST(IgnoreRules, RefuseWhatIsTooLarge) {
    EXPECT_THAT(
        IgnoreRules::parse(std::string(k_ignore_bytes + 1, 'a'), ".dockerignore"),
        FailsWith(Code::too_large)
    );
    std::string many;
    for (std::size_t i = 0; i <= k_ignore_rules; ++i) {
        many += "a\n";
    }
    EXPECT_THAT(IgnoreRules::parse(many, ".dockerignore"), FailsWith(Code::too_large));
}

TEST(IgnoreRules, LetAWalkSkipWhatHoldsNoException) {
    const IgnoreRules rules = rules_of("node_modules\nbuild\n!build/keep/*.txt\n");

    EXPECT_FALSE(rules.may_contain_exceptions("node_modules"));
    EXPECT_TRUE(rules.may_contain_exceptions("build"));
    EXPECT_TRUE(rules.may_contain_exceptions("build/keep"));
    EXPECT_FALSE(rules.may_contain_exceptions("build/other"));
}

TEST(IgnoreRules, LetALaterRuleEndAnException) {
    const IgnoreRules rules = rules_of("**\n!a/b/c\na\n");

    EXPECT_FALSE(rules.may_contain_exceptions("a"));
    EXPECT_TRUE(rules.match("a/b/c").ignored);
}

RC_GTEST_PROP(IgnoreRules, HoldTheirLawsForAnyText, (const std::string& text)) {
    check_dockerignore(text);
}

/// Text that is more like the real thing than random bytes are.
RC_GTEST_PROP(IgnoreRules, HoldTheirLawsForPatterns, (const std::vector<std::uint8_t>& bytes)) {
    constexpr std::string_view k_parts[] = {"a", "b", "/", "*", "**", "?", "!", "\n", "[a-b]", "."};
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += k_parts[byte % std::size(k_parts)];
    }

    check_dockerignore(text);
}

}  // namespace
}  // namespace kiln::dockerfile
