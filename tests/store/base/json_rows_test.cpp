#include "store/base/json_rows.hpp"

#include "tests/support/matchers.hpp"

#include <rapidcheck/gtest.h>

namespace kiln::json {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Hands the text over in parts of `size` bytes, as a socket might.
Result<void> write_in_parts(ByteSink& sink, std::string_view text, std::size_t size) {
    for (std::size_t at = 0; at < text.size(); at += size) {
        TRY(sink.write(as_bytes(text.substr(at, size))));
    }
    return {};
}

struct ReadRows {
    std::vector<Value> rows;
    Result<void> outcome;
};

ReadRows read_rows(std::string_view text, std::size_t part_bytes = 1'000'000) {
    ReadRows read;
    RowReader reader("rows", [&](const Value& row) -> Result<void> {
        read.rows.emplace_back(row, boost::json::storage_ptr());
        return {};
    });
    read.outcome = write_in_parts(reader, text, part_bytes);
    if (read.outcome) {
        read.outcome = reader.finish();
    }
    return read;
}

rc::Gen<std::string> arbitrary_text() {
    return rc::gen::container<std::string>(
        rc::gen::elementOf(std::string("ab\"\\{}[],: \n\t\x01\x7f"))
    );
}

Value arbitrary_value(int depth) {
    switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
        case 0:
            return nullptr;
        case 1:
            return *rc::gen::arbitrary<bool>();
        case 2:
            return *rc::gen::arbitrary<std::int64_t>();
        case 3:
            return *rc::gen::element(0.5, -1e300, 1e-7);
        case 4:
            return Value(*arbitrary_text());
        case 5: {
            Array array;
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
                array.push_back(arbitrary_value(depth - 1));
            }
            return array;
        }
        default: {
            Object object;
            for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
                object.insert_or_assign(*arbitrary_text(), arbitrary_value(depth - 1));
            }
            return object;
        }
    }
}

RC_GTEST_PROP(RowReader, GivesTheRowsHoweverTheTextIsCut, ()) {
    Array rows;
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        rows.push_back(Object{{"row", arbitrary_value(3)}});
    }
    const Object document{
        {"before", arbitrary_value(3)}, {"rows", rows}, {"after", arbitrary_value(3)}};

    const ReadRows read =
        read_rows(render(document), static_cast<std::size_t>(*rc::gen::inRange(1, 40)));

    RC_ASSERT(read.outcome.has_value());
    RC_ASSERT(Array(read.rows.begin(), read.rows.end()) == rows);
}

TEST(RowReader, KnowsTheListByItsKey) {
    EXPECT_THAT(
        read_rows(R"({"other":[{"a":1}],"rows":[{"b":2}]})").rows, ElementsAre(Object{{"b", 2}})
    );
    EXPECT_THAT(read_rows(R"({"x":{"rows":[{"a":1}]},"rows":[]} )").rows, IsEmpty());
    EXPECT_THAT(read_rows(R"({"x":1})").outcome, FailsSaying(Code::invalid_input, "no list"));
    EXPECT_THAT(read_rows("[[{}]]").outcome, FailsSaying(Code::invalid_input, "no list"));
}

TEST(RowReader, RefusesWhatIsNoListOfObjects) {
    for (const char* row : {"1", "-2", "0.5", "null", "true", "\"a\"", "[]"}) {
        EXPECT_THAT(
            read_rows(fmt::format(R"({{"rows":[{{}},{}]}})", row)).outcome,
            FailsSaying(Code::invalid_input, "no object")
        ) << row;
    }
    EXPECT_THAT(read_rows(R"({"rows":[{"a":1e999}]})").outcome, FailsWith(Code::invalid_input));
}

TEST(RowReader, RefusesATextThatEndsTooSoonOrTooLate) {
    const std::string whole = R"({"rows":[{"a":"b"}]})";

    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_THAT(read_rows(whole.substr(0, size)).outcome, FailsWith(Code::invalid_input))
            << size;
    }
    EXPECT_THAT(read_rows(whole + "\n").outcome, Succeeds());
    EXPECT_THAT(read_rows(whole + "{}").outcome, FailsWith(Code::invalid_input));
    EXPECT_THAT(read_rows(whole + "{}", 1).outcome, FailsWith(Code::invalid_input));
}

TEST(RowReader, EndsWhereARowIsNotTaken) {
    int taken = 0;
    RowReader reader("rows", [&](const Value&) -> Result<void> {
        return ++taken == 2 ? Result<void>(fail(Code::conflict, "enough")) : Result<void>();
    });

    EXPECT_THAT(
        reader.write(as_bytes(R"({"rows":[{},{},{}]})")), FailsSaying(Code::conflict, "enough")
    );
    EXPECT_EQ(taken, 2);
}

RC_GTEST_PROP(Indenter, ShowsWhatRenderPrettyShowsHoweverTheTextIsCut, ()) {
    const Value value = arbitrary_value(4);
    MemorySink shown(1'000'000);
    Indenter indenter(shown);

    const auto written = write_in_parts(
        indenter, render(value) + "\n", static_cast<std::size_t>(*rc::gen::inRange(1, 40))
    );

    RC_ASSERT(written.has_value());
    RC_ASSERT(as_text(shown.bytes()) == render_pretty(value));
}

TEST(Indenter, BearsWhatIsNoJson) {
    MemorySink shown(1000);
    Indenter indenter(shown);

    EXPECT_THAT(indenter.write(as_bytes("]}}[{\"")), Succeeds());
}

}  // namespace
}  // namespace kiln::json
