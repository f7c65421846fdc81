#include "store/base/json.hpp"

#include "tests/support/matchers.hpp"

#include <string>

namespace kiln::json {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;

TEST(Json, RendersNamesThatAreNoUtf8AsJson) {
    const Value name = "a\xE9z";

    EXPECT_EQ(render(name), "\"a\uFFFDz\"");
    EXPECT_THAT(parse(render_pretty(Object{{"name", name}}), "it"), testing::Succeeds());
}

TEST(Json, RefusesTheSameKeyTwiceInOneObject) {
    EXPECT_THAT(parse(R"({"a":1,"b":{"a":2},"c":["a"]})", "it"), Succeeds());
    EXPECT_THAT(parse(R"({"a":1,"b":2,"a":3})", "it"), FailsSaying(Code::invalid_input, "twice"));
    EXPECT_THAT(parse(R"({"a":1,"\u0061":3})", "it"), FailsSaying(Code::invalid_input, "twice"));
    std::string many = "{";
    for (int i = 0; i < 100; ++i) {
        many += fmt::format("\"key{}\":{{\"key1\":1}},", i);
    }
    EXPECT_THAT(parse(many + R"("last":1})", "it"), Succeeds());
    EXPECT_THAT(parse(many + R"("key7":1})", "it"), FailsSaying(Code::invalid_input, "twice"));
}

TEST(Json, RefusesWhatStandsBehindTheEnd) {
    EXPECT_THAT(parse("{} x", "it"), FailsWith(Code::invalid_input));
    EXPECT_THAT(parse("", "it"), FailsWith(Code::invalid_input));
    EXPECT_THAT(parse("{} \n", "it"), Succeeds());
}

TEST(Json, RefusesDeepNestingInsteadOfOverflowingTheStack) {
    const std::string deep(100'000, '[');

    EXPECT_THAT(parse(deep, "it"), FailsWith(Code::invalid_input));
}

TEST(Json, RefusesNumbersThatNoDoubleHolds) {
    EXPECT_THAT(parse(R"({"a":[1e999]})", "it"), FailsSaying(Code::invalid_input, "out of range"));
    EXPECT_THAT(parse("[-1e999]", "it"), FailsWith(Code::invalid_input));
    EXPECT_THAT(parse("[1e-999, 1e300]", "it"), Succeeds());
}

TEST(Json, NamesThePlaceOfAMistake) {
    const auto result = parse("{\n  \"a\": nope\n}", "the request");

    ASSERT_THAT(result, FailsWith(Code::invalid_input));
    EXPECT_EQ(result.error().where->line, 2U);
    EXPECT_EQ(result.error().where->file, "the request");
}

TEST(ObjectReader, KeepsTheFirstFailureAndNamesTheField) {
    const Value value = parse(R"({"size":"big"})", "it").value();
    ObjectReader in(value, "the descriptor");

    in.number("size");
    in.text("digest");

    EXPECT_THAT(
        in.finish(UnknownFields::refuse),
        FailsSaying(Code::invalid_input, "\"size\" of the descriptor must be a whole number")
    );
}

TEST(ObjectReader, RefusesUnknownFieldsWhenAsked) {
    const Value value = parse(R"({"a":"x","b":1})", "it").value();
    ObjectReader in(value, "the request");

    EXPECT_EQ(in.text("a"), "x");

    EXPECT_THAT(in.finish(UnknownFields::ignore), Succeeds());
    EXPECT_THAT(
        in.finish(UnknownFields::refuse),
        FailsSaying(Code::invalid_input, "the request has no field \"b\"")
    );
}

}  // namespace
}  // namespace kiln::json
