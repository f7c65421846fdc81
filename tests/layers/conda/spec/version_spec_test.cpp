#include "layers/conda/spec/version_spec.hpp"

#include "tests/support/matchers.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {
namespace {

using testing::FailsSaying;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::Succeeds;

VersionSpec version_spec(std::string_view text) {
    auto parsed = VersionSpec::parse(text);
    EXPECT_THAT(parsed, Succeeds()) << text;
    return parsed ? *parsed : VersionSpec();
}

bool matches(std::string_view text, std::string_view version) {
    return version_spec(text).matches(*Version::parse(version));
}

struct Case {
    std::string_view spec;
    std::vector<std::string_view> matching;
    std::vector<std::string_view> others;
};

void expect_cases(const std::vector<Case>& cases) {
    for (const Case& item : cases) {
        for (const auto version : item.matching) {
            EXPECT_TRUE(matches(item.spec, version)) << item.spec << " on " << version;
        }
        for (const auto version : item.others) {
            EXPECT_FALSE(matches(item.spec, version)) << item.spec << " on " << version;
        }
    }
}

TEST(VersionSpec, ComparesByTheOrderOfVersions) {
    expect_cases({
        {"1.8", {"1.8", "1.8.0"}, {"1.8.1", "1.80"}},
        {"==1.8", {"1.8", "1.8.0"}, {"1.8.1"}},
        {"<1.8", {"1.7", "1.8rc1", "1.8.dev0"}, {"1.8", "1.9", "1!0"}},
        {"<=1.8", {"1.7", "1.8.0"}, {"1.8.post1", "1.9"}},
        {">1.8", {"1.8.1", "1.8.post1", "1!0"}, {"1.8", "1.8a1"}},
        {">=1.8", {"1.8", "1.8.0", "2"}, {"1.8a1", "1.7"}},
        {"!=1.8", {"1.8.1", "1.7"}, {"1.8", "1.8.0"}},
        {"*", {"0", "1!1", "custom"}, {}},
    });
}

TEST(VersionSpec, StartsWithWholeSegments) {
    // cep-29: "only truthy when all the version segments before the glob match are equal".
    for (const std::string_view fuzzy : {"=1.8", "1.8.*", "1.8*", "=1.8.*", "=1.8*", "1.8.*.*"}) {
        expect_cases({{fuzzy, {"1.8", "1.8.0", "1.8.7", "1.8.a1"}, {"1.80", "1.9", "1", "1!1.8"}}});
        EXPECT_EQ(version_spec(fuzzy), version_spec("1.8.*")) << fuzzy;
    }
    expect_cases({
        {"9.*", {"9", "9.b", "9.1"}, {"9b", "90"}},
        {"=1.1.1", {"1.1.1.2"}, {"1.1.1w"}},
        {"=1.1.1w", {"1.1.1w", "1.1.1w.1"}, {"1.1.1", "1.1.1wa"}},
        {"=1.0.0", {"1", "1.0", "1.0.0.5"}, {"1.0.1", "1.1", "1.0.0a"}},
        {"=0", {"0.1", "0"}, {"1", "0a"}},
        {"=1!2", {"1!2.3"}, {"2.3", "1!20"}},
        {"=1.0+3", {"1.0+3.1", "1+3"}, {"1.0", "1.0.1+3", "1.0+4"}},
        {"1.30.0_2018_09_30.*", {"1.30.0_2018_09_30"}, {"1.30.0_2018_09"}},
        {"!=1.8.*", {"1.9", "1.80", "1.8a1"}, {"1.8", "1.8.0", "1.8.5"}},
        {"!=1.8*", {"1.9"}, {"1.8.5"}},
    });
}

TEST(VersionSpec, TakesCompatibleReleases) {
    expect_cases({
        {"~=0.5.3", {"0.5.3", "0.5.4", "0.5.30"}, {"0.5.2", "0.6", "0.5.3rc1", "1"}},
        {"~=1.8", {"1.8", "1.9", "1.100"}, {"1.7", "2"}},
        {"~=1", {"1", "2", "30.1"}, {"0.9", "1!1"}},
        {"~=1.8+5", {"1.8+5", "1.9"}, {"1.8", "2"}},
    });
}

TEST(VersionSpec, JoinsWithAndBeforeOr) {
    expect_cases({
        {">=1,<2|>=3,<4", {"1.5", "3.5"}, {"2.5", "4"}},
        {">=1,(<2|>=3),<4", {"1.5", "3.5"}, {"2.5", "0", "4"}},
        {"1.7|1.8|1.9", {"1.7", "1.8", "1.9"}, {"1.10"}},
        {"((1.8))", {"1.8"}, {"1.9"}},
        {">=1.9.3,<2.0a0", {"1.26.4"}, {"2.0", "2.0a1", "1.9.2"}},
        {" >= 1 , < 2 | == 5 ", {"1.5", "5"}, {"2", "51"}},
        {"python2|*", {"7"}, {}},
    });
}

TEST(VersionSpec, TakesPatternsOfTheText) {
    expect_cases({
        {"1.*.3", {"1.2.3", "1.22.4.3"}, {"1.2.4", "1.3"}},
        {"*+*", {"2.1+sirius6.0.3"}, {"2.1"}},
        {"*.1", {"0.1"}, {"1.0"}},
        {"!=1.*.3", {"1.2.4"}, {"1.2.3"}},
        {R"(^1\.[0-8]$)", {"1.4"}, {"1.9", "11.4", "1.44"}},
        {R"(^1\.(2|3)$|>5)", {"1.2", "1.3", "6"}, {"1.4"}},
        {R"(>=1,^.*rc\d+$)", {"2RC1"}, {"0.5rc1", "2"}},
    });
}

TEST(VersionSpec, ReadsWhatPackagesInUseSay) {
    EXPECT_EQ(version_spec(">=5.9.*"), version_spec(">=5.9"));
    EXPECT_EQ(version_spec(">=2.*.*"), version_spec(">=2"));
    EXPECT_EQ(version_spec("<1.8.*"), version_spec("<1.8"));
    EXPECT_EQ(version_spec(">2.10*"), version_spec(">=2.10"));
    EXPECT_EQ(version_spec("==2.7.*"), version_spec("==2.7"));
    EXPECT_EQ(version_spec("==2.7.*.*|>=3.6"), version_spec("2.7.*|>=3.6"));
    EXPECT_EQ(version_spec("~=1.8.*"), version_spec("~=1.8"));
    EXPECT_EQ(version_spec("=0.*,>=0.4.1"), version_spec("0.*,>=0.4.1"));
    for (const std::string_view any : {"*", "*.*", "=*", "==*", ">=*", "<=*", "~=*", " * "}) {
        EXPECT_TRUE(version_spec(any).is_any()) << any;
    }
}

TEST(VersionSpec, HasOneTextForOneMeaning) {
    EXPECT_EQ(version_spec("=1.8").text(), "1.8.*");
    EXPECT_EQ(version_spec("1.8").text(), "==1.8");
    EXPECT_EQ(version_spec(" >= 1 , < 2 ").text(), ">=1,<2");
    EXPECT_EQ(version_spec("(>=1,(<2|(>3)))").text(), ">=1,(<2|>3)");
    EXPECT_EQ(version_spec("(1|2),(3,4)|(5|6)").text(), "(==1|==2),==3,==4|==5|==6");
    EXPECT_EQ(version_spec("1.0RC1|1.*.X").text(), "==1.0rc1|1.*.x");
    EXPECT_EQ(version_spec("*").text(), "*");
}

TEST(VersionSpec, TellsTheSimpleOnes) {
    EXPECT_EQ(version_spec("==1.8").exact()->text(), "1.8");
    EXPECT_EQ(version_spec("=1.8").starts_with()->text(), "1.8");
    EXPECT_EQ(version_spec("=1.8").exact(), nullptr);
    EXPECT_EQ(version_spec("1|2").exact(), nullptr);
    EXPECT_FALSE(version_spec(">1").is_any());
}

TEST(VersionSpec, RefusesWhatIsNone) {
    for (const char* text :
         {"",    " ",      "|",     "1|",  "|1",   "1,,2", ",",  "(",   ")",   "(1",   "1)",
          "()",  "<>1",    "=!1",   "=>1", "===1", "~1",   "!1", "<",   ">=",  "<*",   ">*",
          "!=*", "<1.*.2", ">=^1$", "1 2", "1..*", "^1",   "1$", "^($", "1=2", "1[2]", ">=1,<2)"}) {
        EXPECT_THAT(VersionSpec::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(VersionSpec, NamesThePlaceOfWhatIsWrong) {
    const auto version = VersionSpec::parse(">=1, <2..0");
    const auto comparison = VersionSpec::parse("1.8,=>2");
    const auto regex = VersionSpec::parse("1|^a(b$");

    ASSERT_FALSE(version || comparison || regex);
    EXPECT_EQ(version.error().message, "'2..0' is not a version: a segment is empty");
    EXPECT_EQ(version.error().where, (Span{"", 1, 9, 10}));
    EXPECT_THAT(comparison.error().message, HasSubstr("'=>' is no comparison"));
    EXPECT_THAT(comparison.error().hint, HasSubstr(">="));
    EXPECT_EQ(comparison.error().where, (Span{"", 1, 5, 7}));
    EXPECT_EQ(regex.error().where->column, 8U);
}

TEST(VersionSpec, IsBounded) {
    const std::string deep(k_version_spec_depth + 1, '(');
    std::string wide = "1";
    for (std::size_t i = 0; i < k_version_spec_clauses; ++i) {
        wide += "|1";
    }

    EXPECT_THAT(
        VersionSpec::parse(deep + "1" + std::string(deep.size(), ')')), FailsWith(Code::too_large)
    );
    EXPECT_THAT(VersionSpec::parse(wide), FailsSaying(Code::too_large, "clauses"));
    EXPECT_THAT(
        VersionSpec::parse(std::string(k_version_spec_bytes + 1, '1')), FailsWith(Code::too_large)
    );
}

}  // namespace
}  // namespace kiln::conda
