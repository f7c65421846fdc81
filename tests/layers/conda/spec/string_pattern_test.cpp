#include "layers/conda/spec/string_pattern.hpp"

#include "tests/support/matchers.hpp"

#include <string>
#include <string_view>

namespace kiln::conda {
namespace {

using testing::FailsWith;
using testing::Succeeds;

StringPattern pattern(std::string_view text) {
    auto parsed = StringPattern::parse(text);
    EXPECT_THAT(parsed, Succeeds()) << text;
    return parsed ? *parsed : StringPattern();
}

bool found(std::string_view regex, std::string_view text) {
    auto parsed = Regex::parse(regex);
    EXPECT_THAT(parsed, Succeeds()) << regex;
    return parsed && parsed->found_in(text);
}

TEST(StringPattern, MatchesTheVeryTextWithoutRegardToCase) {
    EXPECT_TRUE(pattern("Py39_0").matches("py39_0"));
    EXPECT_FALSE(pattern("py39").matches("py39_0"));
    EXPECT_TRUE(pattern("").matches(""));
    EXPECT_TRUE(pattern("a.b").matches("a.b"));
    EXPECT_FALSE(pattern("a.b").matches("axb"));
    EXPECT_TRUE(pattern("x").is_exact());
}

TEST(StringPattern, MatchesGlobs) {
    EXPECT_TRUE(pattern("*").is_any());
    EXPECT_TRUE(pattern("***").is_any());
    EXPECT_TRUE(pattern("*").matches(""));
    EXPECT_TRUE(pattern("*_cpython").matches("0_CPython"));
    EXPECT_FALSE(pattern("*_cpython").matches("0_cpython_"));
    EXPECT_TRUE(pattern("py*_*").matches("py39h_1_2"));
    EXPECT_FALSE(pattern("py*_*").matches("py39"));
    EXPECT_TRUE(pattern("*a*b*").matches("xxaxxaxb"));
    EXPECT_TRUE(pattern("a**b").matches("ab"));
    EXPECT_EQ(pattern("a**b").text(), "a*b");
    EXPECT_FALSE(pattern("a*b").matches("a"));
    EXPECT_TRUE(pattern("a.*").matches("a.b"));
    EXPECT_FALSE(pattern("a.*").matches("axb"));
}

TEST(StringPattern, TakesNoLongForGlobsThatAreMeantToTakeLong) {
    std::string glob;
    for (int i = 0; i < 60; ++i) {
        glob += "*a";
    }

    EXPECT_FALSE(pattern(glob + "b").matches(std::string(10'000, 'a')));
}

TEST(StringPattern, MatchesRegexesBetweenCaretAndDollar) {
    EXPECT_EQ(pattern("^py[0-9]+$").kind(), StringPattern::Kind::regex);
    EXPECT_TRUE(pattern("^py[0-9]+$").matches("PY39"));
    EXPECT_FALSE(pattern("^py[0-9]+$").matches("xpy39"));
    EXPECT_EQ(pattern("^py").kind(), StringPattern::Kind::exact);
    EXPECT_THAT(StringPattern::parse("^($"), FailsWith(Code::invalid_input));
}

TEST(StringPattern, IsEqualWithoutRegardToCase) {
    EXPECT_EQ(pattern("Py*"), pattern("py*"));
    EXPECT_NE(pattern("py*"), pattern("py"));
    EXPECT_NE(pattern(R"(^\d$)"), pattern(R"(^\D$)"));
}

TEST(Regex, KnowsTheUsualSyntax) {
    EXPECT_TRUE(found("b.d", "abcde"));
    EXPECT_FALSE(found("^b", "ab"));
    EXPECT_TRUE(found("^(a|bc)+$", "abcbca"));
    EXPECT_FALSE(found("^(?:a|bc)+$", "abb"));
    EXPECT_TRUE(found("^a{2,3}$", "aaa"));
    EXPECT_FALSE(found("^a{2,3}$", "aaaa"));
    EXPECT_TRUE(found("^a{2}b{,1}c{1,}$", "aacc"));
    EXPECT_TRUE(found("^a?b*?c+$", "cc"));
    EXPECT_TRUE(found(R"(^\d+\.\w\S\s[^a-c]$)", "12.x! z"));
    EXPECT_FALSE(found(R"(^\D$)", "1"));
    EXPECT_TRUE(found("^[]a-]+$", "a]-"));
    EXPECT_TRUE(found(R"(^[\d.]+$)", "1.2"));
    EXPECT_TRUE(found("^{$", "{"));
    EXPECT_TRUE(found("^$", ""));
    EXPECT_TRUE(found("^(|a)$", "a"));
    EXPECT_TRUE(found("a$|^b", "bx"));
    EXPECT_TRUE(found("^(a*)*$", "aaaa"));
}

TEST(Regex, RefusesWhatItDoesNotKnow) {
    for (const char* text :
         {"(",
          ")",
          "[",
          "[]",
          "a)",
          "*",
          "+a",
          "(?=a)",
          "(?<n>a)",
          R"(\1)",
          R"(\b)",
          "\\",
          "[b-a]",
          "a{3,2}",
          "(a"}) {
        EXPECT_THAT(Regex::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(Regex, TakesLinearTimeAndBoundedSpace) {
    const std::string text(20'000, 'a');

    EXPECT_FALSE(found("^(a+)+b$", text));
    EXPECT_FALSE(found("^(a|a)*(a|a)*b$", text));
    EXPECT_THAT(Regex::parse("a{3000}"), FailsWith(Code::too_large));
    EXPECT_THAT(Regex::parse("((a{50}){50}){50}"), FailsWith(Code::too_large));
    EXPECT_THAT(Regex::parse("a{99999999999}"), FailsWith(Code::too_large));
    EXPECT_THAT(Regex::parse(std::string(100, '(')), FailsWith(Code::too_large));
    EXPECT_THAT(Regex::parse(std::string(k_regex_bytes + 1, 'a')), FailsWith(Code::too_large));
}

}  // namespace
}  // namespace kiln::conda
