#include "layers/dockerfile/expand.hpp"

#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/unicode.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

#include <map>
#include <sstream>

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_table;
using testing::FailsSaying;
using testing::FailsWith;
using testing::read_text;
using testing::Succeeds;

using Variables = std::map<std::string, std::string, std::less<>>;

Lookup in(Variables variables) {
    return [variables = std::move(variables)](std::string_view name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

std::string expanded(
    std::string_view text, const Variables& variables, ExpandOptions options = {}
) {
    const auto result = expand(text, in(variables), options);
    EXPECT_THAT(result, Succeeds()) << text;
    return result ? result->text : "<error>";
}

TEST(Expand, AgreesWithEveryLinuxRowOfTheWordTable) {
    SKIP_WITHOUT_CORPUS("buildkit-shell-lex");
    const Lookup lookup =
        in({{"PWD", "/home"}, {"SHELL", "bash"}, {"KOREAN", "한국어"}, {"NULL", ""}});
    std::istringstream lines(read_text(corpus("buildkit-shell-lex") / "envVarTest"));
    int rows = 0;

    for (std::string line; std::getline(lines, line);) {
        const std::size_t bar = line.rfind('|');
        if (line.starts_with('#') || bar == std::string::npos || line.starts_with('W')) {
            continue;
        }
        const std::string input(trim(std::string_view(line).substr(2, bar - 2)));
        const std::string wanted(trim(std::string_view(line).substr(bar + 1)));
        const auto result = expand(input, lookup, {});
        EXPECT_EQ(result ? result->text : "error", wanted) << line;
        ++rows;
    }

    EXPECT_GE(rows, 220);
}

TEST(Expand, SplitsWordsAsTheWordsTableDoes) {
    SKIP_WITHOUT_CORPUS("buildkit-shell-lex");
    std::istringstream lines(read_text(corpus("buildkit-shell-lex") / "wordsTest"));
    Variables variables;
    int rows = 0;

    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("ENV ")) {
            const std::size_t equals = line.find('=');
            variables[line.substr(4, equals - 4)] = line.substr(equals + 1);
        }
        const std::size_t bar = line.find('|');
        if (line.starts_with('#') || bar == std::string::npos) {
            continue;
        }
        const auto result = expand(trim(line.substr(0, bar)), in(variables), {});
        std::string words;
        for (const std::string& word : result ? result->words : std::vector<std::string>()) {
            words += (words.empty() ? "" : ",") + word;
        }
        // One blank behind the bar belongs to the table, the blanks at the end to the words.
        EXPECT_EQ(result ? words : "error", trim_left(line.substr(bar + 1))) << line;
        ++rows;
    }

    EXPECT_EQ(rows, 24);
}

TEST(Expand, TellsWhichVariablesWereUsedAndWhichWereMissing) {
    SKIP_WITHOUT_CORPUS("buildkit-shell-lex");
    const auto table = corpus_table(
        corpus("buildkit-shell-lex") / "lex_test_tables.json", "TestProcessWithMatches", "tc"
    );

    for (const auto& row : table.as_array()) {
        Variables variables;
        for (const auto& pair : row.at("envs").as_array()) {
            variables[pair.at("key").as_string().c_str()] = pair.at("value").as_string().c_str();
        }
        const std::string input = row.at("input").as_string().c_str();
        const auto result = expand(input, in(variables), {});
        if (row.as_object().contains("expectedErr")) {
            EXPECT_THAT(result, FailsWith(Code::invalid_input)) << input;
            continue;
        }
        ASSERT_THAT(result, Succeeds()) << input;
        EXPECT_EQ(result->text, row.at("expected").as_string().c_str()) << input;
        const auto names = [&](const char* key) {
            std::set<std::string> found;
            const auto* list = row.as_object().if_contains(key);
            for (const auto& pair : list && list->is_array() ? list->as_array() : json::Array()) {
                found.insert(pair.at("key").as_string().c_str());
            }
            return found;
        };
        EXPECT_EQ(result->used, names("matches")) << input;
        EXPECT_EQ(result->unset, names("unmatched")) << input;
    }
}

TEST(Expand, UsesTheEscapeOfTheFile) {
    EXPECT_EQ(expanded("a`$b\\$b", {{"b", "x"}}, {.escape = '`'}), "a$b\\x");
}

TEST(Expand, LeavesUnsetVariablesWhenAskedTo) {
    const ExpandOptions options{.keep_unset = true};

    EXPECT_EQ(
        expanded("$a ${a} ${a:-x} ${a#x} ${a//x/y} $b", {{"b", "1"}}, options),
        "$a ${a} ${a:-x} ${a#x} ${a//x/y} 1"
    );
}

TEST(Expand, EndsANameBeforeADashQuoteOrEmoji) {
    const Variables variables{{"a", "1"}, {"한", "2"}};

    EXPECT_EQ(expanded("$a—$a“$a🚀$한", variables), "1—1“1🚀2");
}

TEST(Expand, SaysWhichMandatoryVariableIsMissing) {
    const Lookup lookup = in({{"EMPTY", ""}});

    EXPECT_THAT(expand("${A?}", lookup, {}), FailsSaying(Code::invalid_input, "A: is not set"));
    EXPECT_THAT(expand("${A:?say it}", lookup, {}), FailsSaying(Code::invalid_input, "A: say it"));
    EXPECT_THAT(
        expand("${EMPTY:?}", lookup, {}),
        FailsSaying(Code::invalid_input, "not allowed to be empty")
    );
}

TEST(Expand, PutsErrorsWhereTheWordIs) {
    const Word word{"${A", {"Dockerfile", 3, 6, 9}};

    const auto result = expand_word(word, in({}), '\\');

    ASSERT_THAT(result, FailsWith(Code::invalid_input));
    EXPECT_EQ(result.error().where, word.span);
}

TEST(Expand, BoundsDepthAndSize) {
    std::string deep;
    for (std::size_t i = 0; i <= k_expansion_depth; ++i) {
        deep += "${a:-";
    }
    const std::string large(k_expanded_bytes / 2 + 1, 'x');

    EXPECT_THAT(expand(deep, in({}), {}), FailsWith(Code::too_large));
    EXPECT_THAT(expand("$a$a$a", in({{"a", large}}), {}), FailsWith(Code::too_large));
    EXPECT_THAT(expand("${a//x/y}", in({{"a", large}}), {}), FailsWith(Code::too_large));
    const Lookup growing = in({{"a", std::string(10'000, 'x')}, {"b", std::string(1000, 'y')}});
    EXPECT_THAT(expand("${a//x/$b}", growing, {}), FailsWith(Code::too_large));
}

TEST(ExpandBody, KeepsQuotesAndExpandsUnlessTheNameWasQuoted) {
    Heredoc heredoc;
    heredoc.body = "\t'$a' \"$b\" \\$a\n";

    EXPECT_EQ(*expand_body(heredoc, in({{"a", "1"}})), "\t'1' \"\" $a\n");
    heredoc.strip_tabs = true;
    EXPECT_EQ(*expand_body(heredoc, in({{"a", "1"}})), "'1' \"\" $a\n");
    heredoc.expand = false;
    EXPECT_EQ(*expand_body(heredoc, in({{"a", "1"}})), "'$a' \"$b\" \\$a\n");
}

RC_GTEST_PROP(Expand, IsTheTextItselfWithinSingleQuotes, (const std::string& text)) {
    std::string plain;
    for (const char c : text) {
        plain += c == '\'' ? '_' : c;
    }

    const auto result = expand("'" + plain + "'", in({}), {});

    RC_ASSERT(result.has_value());
    RC_ASSERT(result->text == plain);
}

}  // namespace
}  // namespace kiln::dockerfile
