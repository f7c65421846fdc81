#include "layers/conda/spec/match_spec.hpp"
#include "tests/support/matchers.hpp"

#include <string_view>
#include <vector>

namespace kiln::conda {
namespace {

using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

/// The tree as a text that shows every node: `and(a,or(b,c))`.
std::string tree(const Condition& condition) {
    if (condition.kind == Condition::Kind::spec) {
        return condition.spec.text();
    }
    std::string text;
    for (const Condition& operand : condition.operands) {
        text += (text.empty() ? "" : ",") + tree(operand);
    }
    return (condition.kind == Condition::Kind::all_of ? "and(" : "or(") + text + ")";
}

std::string tree(std::string_view text) {
    const auto parsed = Condition::parse(text);
    EXPECT_THAT(parsed, Succeeds()) << text;
    return parsed ? tree(*parsed) : "";
}

TEST(Condition, JoinsByAndBeforeOr) {
    EXPECT_EQ(tree("one"), "one");
    EXPECT_EQ(tree("a or b"), "or(a,b)");
    EXPECT_EQ(tree("a and b or c"), "or(and(a,b),c)");
    EXPECT_EQ(tree("a or b and c or d"), "or(a,and(b,c),d)");
    EXPECT_EQ(tree("(a or b) and (c or d)"), "and(or(a,b),or(c,d))");
    EXPECT_EQ(tree("a and (b or (c and d))"), "and(a,or(b,and(c,d)))");
    EXPECT_EQ(tree("a and(b or(c and d))"), "and(a,or(b,and(c,d)))");
    EXPECT_EQ(tree("a and (b and c)"), "and(a,b,c)");
    EXPECT_EQ(tree("  a   or\t b  "), "or(a,b)");
    EXPECT_EQ(tree("((a))"), "a");
}

TEST(Condition, TakesSpecsUpToAWordThatStandsAlone) {
    EXPECT_EQ(tree("foo_bar and android or oracle"), "or(and(foo_bar,android),oracle)");
    EXPECT_EQ(
        tree("python >=3.12 or foobar [version='3.12.*', url='https://h/bla.tar.bz2']"),
        "or(python[version='>=3.12'],foobar=3.12[url=https://h/bla.tar.bz2])"
    );
    EXPECT_EQ(
        tree("foobar >=1.23 *or* and(b >32.12,<=43 *and or(c and d))"),
        "and(foobar[version='>=1.23',build=*or*],"
        "or(b[version='>32.12,<=43',build=*and],and(c,d)))"
    );
    EXPECT_EQ(
        tree("a[license='x and y'] and b (>1|<0.5)"),
        "and(a[license='x and y'],b[version='>1|<0.5'])"
    );
    EXPECT_EQ(tree("python>=3.10"), "python[version='>=3.10']");
    EXPECT_EQ(tree("__unix"), "__unix");
}

TEST(Condition, RendersWhatItReads) {
    for (const char* text :
         {"a",
          "a and b or c",
          "(a or b) and c",
          "a[license=\"it's\"] or b=1.8",
          "a and (b or (c and d))"}) {
        const auto parsed = Condition::parse(text);
        ASSERT_THAT(parsed, Succeeds());
        const auto again = Condition::parse(parsed->text());
        ASSERT_THAT(again, Succeeds()) << parsed->text();
        EXPECT_EQ(*again, *parsed) << parsed->text();
    }
}

TEST(Condition, RefusesWhatIsNone) {
    for (const char* text :
         {"",
          " ",
          "and",
          "a and",
          "and a",
          "a or or",
          "(a",
          "a)",
          "()",
          "a and ()",
          "a b c d e",
          "(a) b",
          "a[when='b']",
          "a[version='1"}) {
        EXPECT_THAT(Condition::parse(text), FailsWith(Code::invalid_input)) << text;
    }
    EXPECT_THAT(Condition::parse("a[when='b']"), FailsSaying(Code::invalid_input, "of its own"));
}

}  // namespace
}  // namespace kiln::conda
