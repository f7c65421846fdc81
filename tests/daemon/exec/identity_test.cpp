#include "daemon/exec/identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::exec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

IdentityFacts facts_of(uid_t uid) {
    IdentityFacts facts;
    facts.uid = uid;
    facts.gid = uid;
    facts.user_name = uid == 0 ? "root" : "ann";
    facts.own_uid_map = "         0          0 4294967295\n";
    facts.own_gid_map = facts.own_uid_map;
    facts.has_newuidmap = true;
    return facts;
}

TEST(Identity, OfRootIsARangeFarFromPeople) {
    const Identity identity = choose_identity(facts_of(0));

    EXPECT_EQ(identity.by, MapBy::kernel);
    EXPECT_THAT(
        identity.uids, ElementsAre(IdRange{.inside = 0, .outside = 1U << 30U, .count = 1U << 30U})
    );
    EXPECT_EQ(identity.root_uid(), 1U << 30U);
}

TEST(Identity, OfRootInAContainerIsNotTheContainersRoot) {
    IdentityFacts facts = facts_of(0);
    facts.own_uid_map = "0 100000 65536\n65536 200000 65536\n";
    facts.own_gid_map = facts.own_uid_map;

    const Identity identity = choose_identity(facts);

    EXPECT_EQ(identity.by, MapBy::kernel);
    EXPECT_THAT(identity.uids, ElementsAre(IdRange{.inside = 0, .outside = 65536, .count = 65536}));
}

TEST(Identity, OfAnOrdinaryUserIsTheirOwnIdAndTheirRange) {
    IdentityFacts facts = facts_of(1000);
    facts.subuid = "bob:100000:65536\nann:165536:65536\n";
    facts.subgid = "1000:300000:65536\n";

    const Identity identity = choose_identity(facts);

    EXPECT_EQ(identity.by, MapBy::newuidmap);
    EXPECT_THAT(
        identity.uids,
        ElementsAre(
            IdRange{.inside = 0, .outside = 1000, .count = 1},
            IdRange{.inside = 1, .outside = 165536, .count = 65536}
        )
    );
    EXPECT_EQ(identity.gids.back().outside, 300000U);
}

TEST(Identity, PrefersARangeThatHoldsNobody) {
    IdentityFacts facts = facts_of(1000);
    facts.subuid = "ann:5000:10\nann:165536:65536\n";
    facts.subgid = facts.subuid;

    EXPECT_EQ(choose_identity(facts).uids.back().outside, 165536U);
}

TEST(Identity, WithoutARangeIsTheOwnIdAndSaysWhatIsMissing) {
    IdentityFacts facts = facts_of(1000);
    facts.subuid = "ann:x:65536\nann:1\n:::\n";

    const Identity identity = choose_identity(facts);

    EXPECT_EQ(identity.by, MapBy::own_id);
    EXPECT_THAT(identity.uids, ElementsAre(IdRange{.inside = 0, .outside = 1000, .count = 1}));
    EXPECT_THAT(identity.note, HasSubstr("/etc/subuid grants ann no range"));
}

TEST(Identity, WithoutNewuidmapNamesThePackage) {
    IdentityFacts facts = facts_of(1000);
    facts.subuid = "ann:165536:65536\n";
    facts.subgid = facts.subuid;
    facts.has_newuidmap = false;

    EXPECT_THAT(choose_identity(facts).note, HasSubstr("uidmap"));
}

}  // namespace
}  // namespace kiln::exec
