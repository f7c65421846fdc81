#include "daemon/build/cache_key.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CacheKey, FramesItsIngredientsSoThatNoTwoListsReadTheSame) {
    CacheKey joined("run/1");
    joined.add("the command", "ab");
    CacheKey split("run/1");
    split.add("the command", "a");
    split.add("the command", "b");
    CacheKey shifted("run/1");
    shifted.add("the commanda", "b");

    EXPECT_NE(joined.digest(), split.digest());
    EXPECT_NE(joined.digest(), shifted.digest());
}

RC_GTEST_PROP(CacheKey, DependsOnEveryIngredientAndOnTheirOrder, ()) {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    const auto one = *rc::gen::arbitrary<Pairs>();
    const auto other = *rc::gen::arbitrary<Pairs>();
    const auto key_of = [](const Pairs& pairs) {
        CacheKey key("law/1");
        for (const auto& [name, value] : pairs) {
            key.add(name, value);
        }
        return key.digest();
    };

    RC_ASSERT((key_of(one) == key_of(other)) == (one == other));
}

TEST(Compare, SaysWhatChangedCameAndWent) {
    const std::vector<store::Ingredient> was{
        {"user", "0:0"}, {"arg", "a"}, {"arg", "b"}, {"old", "x"}};
    const std::vector<store::Ingredient> is{
        {"user", "0:0"}, {"arg", "a"}, {"arg", "c"}, {"new", "y"}};

    EXPECT_THAT(
        compare(was, is),
        ElementsAre(
            Change{"arg", "b", "c"},
            Change{"new", std::nullopt, "y"},
            Change{"old", "x", std::nullopt}
        )
    );
    EXPECT_THAT(compare(is, is), IsEmpty());
}

}  // namespace
}  // namespace kiln::daemon
