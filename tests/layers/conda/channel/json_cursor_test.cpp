#include "layers/conda/channel/json_cursor.hpp"

#include "store/base/json.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace kiln::conda {
namespace {

bool is_json(std::string_view text) {
    JsonCursor cursor(text);
    return cursor.skip_value() && cursor.at_end();
}

TEST(JsonCursor, TakesEveryKindOfValue) {
    for (const char* text :
         {"{}",
          "[]",
          " [1, -0, 2.5e-3, 1E+9, true, false, null, \"a\"] ",
          R"({"a": {"b": [{}, []]}, "c": "\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00"})",
          "\"a string of more than sixteen letters, with \xc3\xa4 in it\""}) {
        EXPECT_TRUE(is_json(text)) << text;
    }
}

TEST(JsonCursor, RefusesWhatIsNone) {
    for (const char* text :
         {"",
          "{",
          "[1,]",
          "{\"a\":1,}",
          "{,}",
          "[,1]",
          "01",
          "1.",
          ".5",
          "-",
          "1e",
          "+1",
          "tru",
          "nul",
          "'a'",
          "{\"a\" 1}",
          "{a: 1}",
          "[1 2]",
          "\"a",
          "\"\\x\"",
          "\"\\u12g4\"",
          "\"\\ud800\"",
          "\"\\udc00\"",
          "\"\\ud800\\u0041\"",
          "\"\t\"",
          "[}",
          "{]",
          "{\"a\":}",
          "1 2",
          "NaN",
          "{\"a\":1 \"b\":2}",
          "\"\xff\"",
          "\"\xc3\"",
          "\"\xed\xa0\x80\"",
          "a string of more than sixteen letters"}) {
        EXPECT_FALSE(is_json(text)) << text;
    }
    EXPECT_FALSE(is_json(std::string("\"a\0b\"", 5)));
}

TEST(JsonCursor, IsBoundedInDepth) {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };

    EXPECT_TRUE(is_json(nested(JsonCursor::k_depth)));
    EXPECT_FALSE(is_json(nested(JsonCursor::k_depth + 1)));
}

TEST(JsonCursor, GivesKeysAndElementsOneByOne) {
    JsonCursor cursor(R"({"a": [1, "x\u0041"], "b\n": {"c": 2}, "d": 2.5})");
    JsonString key;
    bool first = true;

    ASSERT_TRUE(cursor.enter_object());
    ASSERT_TRUE(cursor.next_key(key, first));
    EXPECT_EQ(key.raw, "a");
    bool first_element = true;
    ASSERT_TRUE(cursor.enter_array());
    ASSERT_TRUE(cursor.next_element(first_element));
    EXPECT_EQ(cursor.read_integer(), 1);
    ASSERT_TRUE(cursor.next_element(first_element));
    EXPECT_EQ(cursor.read_string()->decode(), "xA");
    EXPECT_FALSE(cursor.next_element(first_element));
    ASSERT_TRUE(cursor.next_key(key, first));
    EXPECT_EQ(key.decode(), "b\n");
    EXPECT_EQ(cursor.peek(), '{');
    EXPECT_TRUE(cursor.skip_value());
    ASSERT_TRUE(cursor.next_key(key, first));
    EXPECT_EQ(cursor.read_integer(), std::nullopt);
    EXPECT_FALSE(cursor.next_key(key, first));
    EXPECT_FALSE(cursor.failed());
    EXPECT_TRUE(cursor.at_end());
}

TEST(JsonCursor, NamesTheFirstFaultAndStays) {
    JsonCursor cursor("{\"a\": nope, \"b\": 1}");
    JsonString key;
    bool first = true;
    cursor.enter_object();
    cursor.next_key(key, first);

    EXPECT_FALSE(cursor.skip_value());
    EXPECT_STREQ(cursor.error(), "a value is missing");
    EXPECT_FALSE(cursor.next_key(key, first));
    EXPECT_EQ(cursor.offset(), 6U);
}

RC_GTEST_PROP(JsonCursor, TakesExactlyWhatAFullParserTakes, ()) {
    const auto piece = rc::gen::element<std::string>(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"",
        "\\",
        "\\u0041",
        "\\ud83d\\ude00",
        "1",
        "-",
        "0",
        ".5",
        "e3",
        "true",
        "null",
        " ",
        "\n",
        "\xc3\xa4",
        "\xff",
        "{\"c\":[]}",
        "[1,2]"
    );
    std::string text;
    for (const std::string& each : *rc::gen::container<std::vector<std::string>>(piece)) {
        text += each;
    }

    const auto parsed = json::parse(text, "text");

    // The parser refuses a key that stands twice as well; the cursor's callers look for those.
    const bool is_twice =
        !parsed && parsed.error().message.find("stands twice") != std::string::npos;
    RC_ASSERT(is_json(text) == (parsed.has_value() || is_twice));
}

RC_GTEST_PROP(JsonCursor, DecodesWhatARendererWrites, (const std::string& written)) {
    const json::Value value = json::parse(json::render(json::Value(written)), "text").value();
    const std::string text = json::render(value);
    JsonCursor cursor(text);

    const auto read = cursor.read_string();

    RC_ASSERT(read.has_value());
    RC_ASSERT(read->decode() == std::string_view(value.as_string()));
}

}  // namespace
}  // namespace kiln::conda
