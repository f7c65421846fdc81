#include "layers/conda/input/yaml.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace kiln::conda::yaml {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::HasSubstr;

TEST(Yaml, KeepsValuesAsTheyAreWritten) {
    const auto document = Document::parse("a: 3.10\nb: \"3.10\"\nc: [x, ~]\nd: null\n", "e.yml");

    ASSERT_THAT(document, Succeeds());
    const Node root = document->root();
    ASSERT_EQ(root.kind(), Kind::mapping);
    ASSERT_EQ(root.size(), 4U);
    EXPECT_EQ(root.value(0).text(), "3.10");
    EXPECT_TRUE(root.value(0).is_plain());
    EXPECT_FALSE(root.value(1).is_plain());
    EXPECT_EQ(root.value(2).at(0).text(), "x");
    EXPECT_EQ(root.value(2).at(1).kind(), Kind::null);
    EXPECT_EQ(root.value(3).kind(), Kind::null);
}

TEST(Yaml, KnowsWhereAValueStands) {
    const auto document = Document::parse("# \xc3\xa4\na:\n  - plain one\n  - 'quoted'\n", "e.yml");

    ASSERT_THAT(document, Succeeds());
    const Node list = document->root().value(0);
    EXPECT_EQ(list.at(0).span(), (Span{"e.yml", 3, 5, 14}));
    EXPECT_EQ(list.at(1).span(), (Span{"e.yml", 4, 5, 13}));
}

TEST(Yaml, CountsFromTheFirstByteAfterAByteOrderMark) {
    const auto document = Document::parse(
        "\xEF\xBB\xBF"
        "a: b\n",
        "e.yml"
    );

    ASSERT_THAT(document, Succeeds());
    EXPECT_EQ(document->root().value(0).span(), (Span{"e.yml", 1, 4, 5}));
}

TEST(Yaml, ATextOfCommentsIsANull) {
    const auto document = Document::parse("# nothing\n\n", "e.yml");

    ASSERT_THAT(document, Succeeds());
    EXPECT_EQ(document->root().kind(), Kind::null);
}

TEST(Yaml, SaysWhereItIsBroken) {
    const auto document = Document::parse("a: b\nc: [d\ne: f\n", "e.yml");

    ASSERT_THAT(document, FailsSaying(Code::invalid_input, "e.yml is not valid YAML"));
    EXPECT_EQ(document.error().where->line, 3U);
}

TEST(Yaml, RefusesQuotesThatAreNotClosed) {
    for (const char* const text : {"a: \"x y", "a: 'x y\n", "- b\n- 'it''s", "a: \"x\\\"\n"}) {
        EXPECT_THAT(Document::parse(text, "e.yml"), FailsWith(Code::invalid_input)) << text;
    }
    const auto document = Document::parse("a: b\nc: \"x y\n", "e.yml");
    ASSERT_THAT(document, FailsWith(Code::invalid_input));
    EXPECT_EQ(document.error().where->line, 2U);
    for (const char* const text :
         {"a: \"\"", "a: ''", "a: 'it''s'", R"(a: "x\\" )", "\"a\": it's\n"}) {
        EXPECT_THAT(Document::parse(text, "e.yml"), Succeeds()) << text;
    }
}

TEST(Yaml, RefusesAKeyThatStandsTwice) {
    const auto document = Document::parse("a: 1\nb: 2\n\"a\": 3\n", "e.yml");

    ASSERT_THAT(document, FailsSaying(Code::invalid_input, "the key a stands twice"));
    EXPECT_THAT(document.error().message, HasSubstr("first in line 1"));
    EXPECT_EQ(document.error().where->line, 3U);
}

TEST(Yaml, AnAliasIsWhatItsAnchorNames) {
    const auto document = Document::parse("a: &x [1, 2]\nb: *x\n", "e.yml");

    ASSERT_THAT(document, Succeeds());
    EXPECT_EQ(document->root().value(1).at(1).text(), "2");
}

TEST(Yaml, AliasesOfAliasesAreCountedInFull) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string below = "*a" + std::to_string(i - 1);
        const std::string name = "a" + std::to_string(i);
        text += name + ": &" + name + " [";
        for (int k = 0; k < 10; ++k) {
            text += (k == 0 ? "" : ", ") + below;
        }
        text += "]\n";
    }

    EXPECT_THAT(
        Document::parse(text, "e.yml"), FailsSaying(Code::too_large, "values by its aliases")
    );
}

TEST(Yaml, AChainOfAliasesIsNotDeeperThanAllowed) {
    std::string text = "a0: &a0 x\n";
    for (int i = 1; i < 64; ++i) {
        const std::string name = "a" + std::to_string(i);
        text += name + ": &" + name + " [*a" + std::to_string(i - 1) + "]\n";
    }

    EXPECT_THAT(Document::parse(text, "e.yml"), FailsSaying(Code::too_large, "nested deeper"));
}

TEST(Yaml, AnAliasInsideItsOwnAnchorIsRefused) {
    EXPECT_THAT(Document::parse("a: &x [*x]\n", "e.yml"), FailsWith(Code::invalid_input));
}

TEST(Yaml, RefusesWhatNoFormatNeeds) {
    EXPECT_THAT(
        Document::parse(std::string(40, '[') + std::string(40, ']'), "e.yml"),
        FailsSaying(Code::too_large, "nested deeper than 32 levels")
    );
    EXPECT_THAT(
        Document::parse("a: !!python/object:os.system x\n", "e.yml"),
        FailsSaying(Code::unsupported, "the tag")
    );
    EXPECT_THAT(
        Document::parse("a: &x {b: c}\nd: {<<: *x}\n", "e.yml"),
        FailsSaying(Code::unsupported, "merging mappings")
    );
    EXPECT_THAT(
        Document::parse("? [a, b]\n: c\n", "e.yml"), FailsSaying(Code::invalid_input, "key")
    );
    EXPECT_THAT(
        Document::parse("a: b\n---\nc: d\n", "e.yml"),
        FailsSaying(Code::invalid_input, "a second document")
    );
    EXPECT_THAT(Document::parse("a: \xff\n", "e.yml"), FailsSaying(Code::invalid_input, "UTF-8"));
    EXPECT_THAT(
        Document::parse(std::string("a\0: b", 5), "e.yml"),
        FailsSaying(Code::invalid_input, "UTF-8")
    );
    EXPECT_THAT(
        Document::parse(std::string(k_text_bytes + 1, ' '), "e.yml"), FailsWith(Code::too_large)
    );
}

TEST(Yaml, TagsOfTheCoreSchemaAreTaken) {
    const auto document = Document::parse("a: !!str 1\nb: !!seq [x]\n", "e.yml");

    ASSERT_THAT(document, Succeeds());
    EXPECT_FALSE(document->root().value(0).is_plain());
}

RC_GTEST_PROP(Yaml, AnyTextEndsInATreeOrAReason, (const std::string& text)) {
    const auto document = Document::parse(text, "e.yml");

    const bool has_reason = !document && !document.error().message.empty();
    RC_ASSERT(document.has_value() != has_reason);
}

}  // namespace
}  // namespace kiln::conda::yaml
