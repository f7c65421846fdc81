#include "daemon/build/rebase.hpp"

#include "daemon/build/images.hpp"
#include "layers/oci/validate.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/test_daemon.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using kiln::testing::TestDaemon;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto k_old =
    "FROM scratch\nRUN write os one\nENV PATH=/usr/bin LANG=C\nLABEL os=1\n"
    "CMD [\"sh\"]\n";
constexpr auto k_new =
    "FROM scratch\nRUN write os two\nRUN write more x\n"
    "ENV PATH=/usr/bin:/bin LANG=D NEW=1\nLABEL os=2\nCMD [\"bash\"]\n";

Image load(TestDaemon& daemon, const std::string& name) {
    const auto ref = find_image(*daemon.store, name);
    EXPECT_THAT(ref, Succeeds());
    return load_image(*daemon.store, ref->target).value();
}

Result<RebasedImage> rebase_app(TestDaemon& daemon, std::vector<std::string> tags = {"app:2"}) {
    return rebase(*daemon.store, {.source = "app:1", .onto = "base:2", .from = {}, .tags = tags});
}

/// The image of `steps` on the old base, rebased, beside what a build of them on the new one gives.
struct Compared {
    Result<RebasedImage> rebased = fail(Code::internal, "not rebased");
    Digest built;
};

Compared compare(const std::string& before, const std::string& after, const std::string& steps) {
    TestDaemon daemon;
    daemon.build(before, "base:1");
    daemon.build(after, "base:2");
    daemon.build("FROM base:1\n" + steps, "app:1");
    const auto built = daemon.build("FROM base:2\n" + steps, "app:built");
    return {rebase_app(daemon), built->result().image.value_or(Digest())};
}

TEST(Rebase, GivesWhatABuildOnTheNewBaseGives) {
    const Compared compared = compare(
        k_old,
        k_new,
        "COPY --link <<EOF /srv/app\nhello\nEOF\nENV PATH=/opt/bin:$PATH HOME=/srv\n"
        "LABEL app=x\nWORKDIR /srv\nENTRYPOINT [\"/srv/app\"]\n"
    );

    ASSERT_THAT(compared.rebased, Succeeds());
    EXPECT_EQ(compared.rebased->manifest.digest, compared.built);
    EXPECT_EQ(compared.rebased->layers_before, 1U);
    EXPECT_EQ(compared.rebased->layers_after, 2U);
    EXPECT_GE(compared.rebased->layers_kept, 1U);
}

TEST(Rebase, KeepsTheLayersAboveByteForByteAndIsWhole) {
    TestDaemon daemon;
    daemon.build(k_old, "base:1");
    daemon.build(k_new, "base:2");
    daemon.build("FROM base:1\nCOPY --link <<EOF /a\nhello\nEOF\n", "app:1");

    const auto rebased = rebase_app(daemon);

    ASSERT_THAT(rebased, Succeeds());
    const Image before = load(daemon, "app:1");
    const Image after = load(daemon, "app:2");
    EXPECT_EQ(before.manifest.layers.back(), after.manifest.layers.back());
    EXPECT_EQ(after.config.diff_ids.size(), 3U);
    EXPECT_EQ(oci::find_env(after.config.config.env, "LANG"), "D");
    const auto mismatches =
        oci::validate_image(daemon.store->blobs(), after.manifest_descriptor, {});
    ASSERT_THAT(mismatches, Succeeds());
    EXPECT_THAT(*mismatches, IsEmpty());
}

TEST(Rebase, MovesTheImagesOwnNameWhereNoneIsGiven) {
    TestDaemon daemon;
    daemon.build(k_old, "base:1");
    daemon.build(k_new, "base:2");
    const auto built = daemon.build("FROM base:1\nLABEL a=b\n", "app:1");

    const auto rebased = rebase_app(daemon, {});

    ASSERT_THAT(rebased, Succeeds());
    EXPECT_NE(rebased->manifest.digest, *built->result().image);
    EXPECT_EQ(load(daemon, "app:1").manifest_descriptor.digest, rebased->manifest.digest);
}

TEST(Rebase, KnowsTheBaseOfABuildAlthoughItsTagMovedOn) {
    TestDaemon daemon;
    daemon.build(k_old, "base:1");
    daemon.build("FROM base:1\nLABEL a=b\n", "middle:1");
    daemon.build("FROM middle:1\nCOPY --link <<EOF /a\nhello\nEOF\n", "app:1");
    const Digest middle = load(daemon, "middle:1").manifest_descriptor.digest;
    daemon.build(k_new, "base:2");
    daemon.build(k_new, "middle:1");

    const auto rebased = rebase_app(daemon);

    ASSERT_THAT(rebased, Succeeds());
    EXPECT_EQ(rebased->base_before, middle);
}

TEST(Rebase, OntoTheBaseItHasIsTheSameImage) {
    TestDaemon daemon;
    daemon.build(k_old, "base:1");
    daemon.build(k_old, "base:2");
    const auto built = daemon.build("FROM base:1\nRUN write a b\n", "app:1");

    const auto rebased = rebase_app(daemon);

    ASSERT_THAT(rebased, Succeeds());
    EXPECT_EQ(rebased->manifest.digest, *built->result().image);
}

TEST(Rebase, RefusesWhatDependsOnTheOldBaseAndSaysWhy) {
    const std::string plain = "FROM scratch\nRUN write os one\n";
    const auto refused = [&](const std::string& before,
                             const std::string& after,
                             const std::string& steps,
                             const std::string& why) {
        const Compared compared = compare(before, after, steps);
        EXPECT_THAT(compared.rebased, FailsSaying(Code::unsupported, why)) << steps;
        if (!compared.rebased) {
            EXPECT_NE(compared.rebased.error().hint, "");
        }
    };

    refused(k_old, k_new, "RUN write a b\n", "\"RUN ");
    refused(k_old, k_new, "LABEL lang=$LANG\n", "took up LANG");
    refused(plain, plain + "WORKDIR /new\n", "WORKDIR sub\n", "relative to the working directory");
    refused(plain, plain + "ONBUILD LABEL a=b\n", "LABEL c=d\n", "ONBUILD");
}

TEST(Rebase, RefusesACopyThroughADirectoryThatBecameAFile) {
    const std::string file = "COPY <<EOF /data/a\nx\nEOF\n";

    const Compared compared =
        compare("FROM scratch\nRUN write data/keep x\n", "FROM scratch\nRUN write data x\n", file);

    EXPECT_THAT(compared.rebased, FailsSaying(Code::unsupported, "/data, which is a directory"));
}

TEST(Rebase, WantsTheOldBaseNamedWhereItCouldBeSeveral) {
    TestDaemon daemon;
    daemon.build("FROM scratch\nRUN write a 1\n", "one:1");
    daemon.build("FROM scratch\nRUN write a 1\nRUN write b 2\n", "two:1");
    daemon.build(k_new, "base:2");
    daemon.build(
        "FROM scratch\nRUN write a 1\nRUN write b 2\nCOPY --link <<EOF /c\nx\nEOF\n", "app:1"
    );

    const auto several = rebase_app(daemon);
    const auto named =
        rebase(*daemon.store, {.source = "app:1", .onto = "base:2", .from = "two:1", .tags = {}});

    ASSERT_THAT(several, FailsWith(Code::invalid_input));
    EXPECT_THAT(several.error().hint, HasSubstr("--from: one:1, two:1"));
    EXPECT_THAT(named, Succeeds());
}

TEST(Rebase, RefusesAnOldBaseThatIsNone) {
    TestDaemon daemon;
    daemon.build(k_old, "base:1");
    daemon.build(k_new, "base:2");
    daemon.build("FROM base:1\nLABEL a=b\n", "app:1");

    EXPECT_THAT(
        rebase(*daemon.store, {.source = "app:1", .onto = "base:2", .from = "base:2", .tags = {}}),
        FailsSaying(Code::invalid_input, "does not stand on base:2")
    );
    EXPECT_THAT(
        rebase(*daemon.store, {.source = "app:9", .onto = "base:2", .from = {}, .tags = {}}),
        FailsWith(Code::not_found)
    );
}

/// Instructions that only change the config, and files that look at nothing below.
std::string arbitrary_step() {
    const auto name = *rc::gen::element<std::string>("A", "B", "PATH", "C");
    const auto value = *rc::gen::element<std::string>("1", "/x", "/usr/bin", "two");
    switch (*rc::gen::inRange(0, 12)) {
        case 0:
            return fmt::format("ENV {}={}\n", name, value);
        case 1:
            return fmt::format("ENV {}={} D=2\n", name, value);
        case 2:
            return fmt::format("ENV PATH={}:$PATH\n", value);
        case 3:
            return fmt::format("LABEL {}={}\n", name, value);
        case 4:
            return fmt::format("CMD [\"{}\"]\n", value);
        case 5:
            return fmt::format("ENTRYPOINT [\"{}\"]\n", value);
        case 6:
            return fmt::format("EXPOSE {}\n", *rc::gen::inRange(1, 4));
        case 7:
            return fmt::format("VOLUME /v{}\n", *rc::gen::inRange(1, 4));
        case 8:
            return fmt::format("USER {}\n", *rc::gen::element<std::string>("app", "0", "7:7"));
        case 9:
            return fmt::format("STOPSIGNAL {}\n", *rc::gen::element<std::string>("INT", "TERM"));
        case 10:
            return fmt::format("SHELL [\"{}\"]\n", value);
        default:
            return fmt::format("COPY --link <<EOF /srv/{}\n{}\nEOF\n", name, value);
    }
}

std::string arbitrary_steps(int most) {
    std::string steps;
    const int count = *rc::gen::inRange(0, most);
    for (int i = 0; i < count; ++i) {
        steps += arbitrary_step();
    }
    return steps;
}

RC_GTEST_PROP(Rebase, IsRefusedOrGivesWhatABuildGives, ()) {
    const std::string path = "ENV PATH=/usr/bin:/bin\n";
    const std::string before = "FROM scratch\nRUN write os one\n" + path + arbitrary_steps(5);
    const std::string after = "FROM scratch\nRUN write os two\n" + path + arbitrary_steps(5);
    const std::string steps = arbitrary_steps(6);

    const Compared compared = compare(before, after, steps);

    RC_ASSERT(compared.rebased.has_value());
    RC_ASSERT(compared.rebased->manifest.digest == compared.built);
}

}  // namespace
}  // namespace kiln::daemon
