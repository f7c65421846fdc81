#include "layers/conda/input/selector.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;

std::optional<bool> evaluate(
    const char* expression,
    const char* platform = "linux-64",
    SelectorNames names = SelectorNames::comment
) {
    return evaluate_selector(expression, platform, names).value();
}

TEST(Selector, NamesSystemsAndArchitectures) {
    EXPECT_EQ(evaluate("linux"), true);
    EXPECT_EQ(evaluate("unix"), true);
    EXPECT_EQ(evaluate("linux64"), true);
    EXPECT_EQ(evaluate("x86_64"), true);
    EXPECT_EQ(evaluate("win"), false);
    EXPECT_EQ(evaluate("osx64"), false);
    EXPECT_EQ(evaluate("osx64", "osx-64"), true);
    EXPECT_EQ(evaluate("osx64", "osx-arm64"), false);
    EXPECT_EQ(evaluate("arm64", "osx-arm64"), true);
    EXPECT_EQ(evaluate("linux64", "linux-aarch64"), false);
    EXPECT_EQ(evaluate("aarch64", "linux-aarch64"), true);
    EXPECT_EQ(evaluate("unix", "win-64"), false);
}

TEST(Selector, JoinsNamesAsPythonDoes) {
    EXPECT_EQ(evaluate("osx or linux"), true);
    EXPECT_EQ(evaluate("linux and aarch64"), false);
    EXPECT_EQ(evaluate("not win"), true);
    EXPECT_EQ(evaluate("win or linux and not aarch64"), true);
    EXPECT_EQ(evaluate("not (linux or osx)"), false);
    EXPECT_EQ(evaluate("linux or win and osx"), true);
    EXPECT_EQ(evaluate("(linux or win) and osx"), false);
}

TEST(Selector, IsNoneWhereTheNamesAreOthers) {
    for (const char* words :
         {"1", "see docs", "linux win", "linux or", "", "(linux", "Linux", "not"}) {
        EXPECT_EQ(evaluate(words), std::nullopt) << words;
    }
    EXPECT_EQ(evaluate("linux64", "linux-64", SelectorNames::dictionary), std::nullopt);
    EXPECT_EQ(evaluate("linux", "linux-64", SelectorNames::dictionary), true);
    EXPECT_EQ(evaluate(std::string(100, '(').c_str()), std::nullopt);
}

TEST(Selector, RefusesWhatSelectsSomethingElse) {
    for (const char* words : {"py", "py27", "py>=36", "np", "build_platform", "linux and py3k"}) {
        EXPECT_THAT(
            evaluate_selector(words, "linux-64", SelectorNames::comment),
            FailsSaying(Code::unsupported, "uses")
        ) << words;
    }
}

TEST(Selector, TakesLinesAwayAndKeepsTheirPlaces) {
    const auto text = apply_selectors(
        "# [win] of a comment alone selects nothing\n- a  # [win]\r\n- b  # [linux]\n- c#[win]\n"
        "- '#' # [osx]\n- d # note [1]\n- \"e # [win]\"\n- f  #[not linux] why",
        "e.yml",
        "linux-64"
    );

    ASSERT_THAT(text, Succeeds());
    EXPECT_EQ(
        text->text,
        "# [win] of a comment alone selects nothing\n\n- b  # [linux]\n- c#[win]\n\n- d # note "
        "[1]\n"
        "- \"e # [win]\"\n"
    );
}

TEST(Selector, ASlipOfTheFingerIsToldAndTheLineStays) {
    const std::string text =
        "- a  # [wni]\n- b  # [linux and unx]\n- c  # [linux & osx]\n- d  # [1]\n- e  # [gpu]\n";

    const auto selected = apply_selectors(text, "e.yml", "linux-64");

    ASSERT_THAT(selected, Succeeds());
    EXPECT_EQ(selected->text, text);
    ASSERT_EQ(selected->notices.size(), 3U);
    EXPECT_EQ(selected->notices[0].message, "[wni] is no selector: the line counts everywhere");
    EXPECT_EQ(selected->notices[0].hint, "did you mean win?");
    EXPECT_EQ(selected->notices[0].where, (Span{"e.yml", 1, 8, 13}));
    EXPECT_EQ(selected->notices[1].hint, "did you mean unix?");
    EXPECT_EQ(selected->notices[2].hint, "names are joined by and, or and not (cep-24)");
}

TEST(Selector, SaysWhereItIsNotSupported) {
    const auto text = apply_selectors("a:\n  - b  # [py27]\n", "e.yml", "linux-64");

    ASSERT_THAT(text, FailsSaying(Code::unsupported, "uses py27"));
    EXPECT_EQ(text.error().where, (Span{"e.yml", 2, 10, 16}));
}

RC_GTEST_PROP(Selector, NeverChangesTheNumberOfLines, ()) {
    const auto piece = rc::gen::element<std::string>(
        "- a", "  # [", "linux", " or ", "win", "]", "\n", "\r\n", "'", "\"", " ", "#", "(", ")"
    );
    const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
    std::string text;
    for (const std::string& each : pieces) {
        text += each;
    }

    const auto selected = apply_selectors(text, "e.yml", "linux-64");

    RC_ASSERT(selected.has_value());
    RC_ASSERT(
        std::count(selected->text.begin(), selected->text.end(), '\n')
        == std::count(text.begin(), text.end(), '\n')
    );
    RC_ASSERT(apply_selectors(selected->text, "e.yml", "linux-64")->text == selected->text);
}

}  // namespace
}  // namespace kiln::conda
