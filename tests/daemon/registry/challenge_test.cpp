#include "daemon/registry/challenge.hpp"

#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::registry {
namespace {

using testing::corpus;
using testing::corpus_rows;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ParseChallenges, AgreesWithTheTable) {
    SKIP_WITHOUT_CORPUS("registry-auth");
    const auto file = corpus("registry-auth") / "containers_image_docker_tables.json";
    for (const auto& row : corpus_rows(file, "TestParseValueAndParams", "range")) {
        const auto challenges = parse_challenges(row.at("input").as_string().c_str());
        ASSERT_EQ(challenges.size(), 1U) << row;
        EXPECT_EQ(challenges[0].scheme, row.at("scope").as_string().c_str());
        std::map<std::string, std::string> wanted;
        for (const auto& pair : row.at("params").as_array()) {
            wanted[pair.at("key").as_string().c_str()] = pair.at("value").as_string().c_str();
        }
        EXPECT_EQ(challenges[0].parameters, wanted);
    }
}

TEST(ParseChallenges, ReadsSeveralOffersOfOneHeader) {
    EXPECT_THAT(
        parse_challenges(
            "Negotiate, Basic realm=\"a, \\\"b\\\"\", Bearer realm=https://x/t,empty=\"\""
        ),
        ElementsAre(
            Challenge{"negotiate", {}},
            Challenge{"basic", {{"realm", "a, \"b\""}}},
            Challenge{"bearer", {{"realm", "https://x/t"}, {"empty", ""}}}
        )
    );
}

TEST(ParseChallenges, TakesWhatItCanOfOddHeaders) {
    EXPECT_THAT(parse_challenges(""), IsEmpty());
    EXPECT_THAT(parse_challenges(",,,"), IsEmpty());
    EXPECT_THAT(parse_challenges("realm=\"x\""), IsEmpty());
    EXPECT_THAT(
        parse_challenges("@@@, Basic realm=\"open"),
        ElementsAre(Challenge{"basic", {{"realm", "open"}}})
    );
}

RC_GTEST_PROP(ParseChallenges, EndsForAnyText, (const std::string& text)) {
    for (const Challenge& challenge : parse_challenges(text)) {
        RC_ASSERT(!challenge.scheme.empty());
    }
}

}  // namespace
}  // namespace kiln::registry
