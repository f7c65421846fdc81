#include "layers/oci/rebase.hpp"

#include "layers/oci/rebase_history.hpp"
#include "layers/oci/rebase_value.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::Optional;

ImageConfig config_of(const std::vector<std::string>& layers) {
    ImageConfig config;
    config.platform = {.os = "linux", .architecture = "amd64"};
    for (const std::string& layer : layers) {
        config.diff_ids.push_back(digest_of(layer));
    }
    return config;
}

ImageConfig told(ImageConfig config, const std::vector<std::string>& steps, bool last_is_layer) {
    for (const std::string& step : steps) {
        const bool layer = last_is_layer && &step == &steps.back();
        config.history.push_back({.created_by = step, .empty_layer = !layer});
    }
    return config;
}

LayerOrigin origin_of(const std::string& created_by, const std::string& comment = "") {
    return OwnStep(HistoryEntry{.created_by = created_by, .comment = comment}).origin();
}

TEST(RebaseHistory, KnowsACommandOfEveryBuilder) {
    EXPECT_EQ(origin_of("RUN make", "kiln"), LayerOrigin::run);
    EXPECT_EQ(origin_of("RUN /bin/sh -c make # buildkit"), LayerOrigin::run);
    EXPECT_EQ(origin_of("/bin/sh -c make"), LayerOrigin::run);
    EXPECT_EQ(origin_of("|1 V=1 /bin/sh -c make"), LayerOrigin::run);
    EXPECT_EQ(origin_of("conda link scripts of a", "kiln"), LayerOrigin::run);
    EXPECT_EQ(origin_of("pip install six-1.16.0", "kiln"), LayerOrigin::run);
}

TEST(RebaseHistory, KnowsWhatLooksAtNothingBelow) {
    EXPECT_EQ(origin_of("COPY --link a /a", "kiln"), LayerOrigin::copy_linked);
    EXPECT_EQ(origin_of("COPY --link a /a # buildkit"), LayerOrigin::copy_linked);
    EXPECT_EQ(origin_of("conda numpy-1.26.4-py_0", "kiln"), LayerOrigin::conda);
    EXPECT_EQ(origin_of("conda prefix /opt/env", "kiln"), LayerOrigin::conda);
    EXPECT_EQ(origin_of("COPY --link=false a /a"), LayerOrigin::other);
    EXPECT_EQ(origin_of("/bin/sh -c #(nop) COPY file:1 in /a "), LayerOrigin::other);
    EXPECT_EQ(origin_of("conda numpy"), LayerOrigin::other);
    EXPECT_EQ(origin_of("bazel build //app"), LayerOrigin::other);
}

TEST(RebaseHistory, ReadsInstructionsOfTheClassicBuilder) {
    const OwnStep step(HistoryEntry{
        .created_by = "/bin/sh -c #(nop)  ENV A=1 B=2", .empty_layer = true});

    EXPECT_EQ(step.keyword(), "ENV");
    EXPECT_TRUE(step.sets("A"));
    EXPECT_TRUE(step.sets("B"));
    EXPECT_FALSE(step.sets("1"));
    EXPECT_FALSE(step.is_verbatim());
}

TEST(RebaseHistory, IsWhatFollowsTheBaseEvenWhereTheBaseTellsOtherwise) {
    ImageConfig base = config_of({"a"});
    base.history = {{.created_by = "ADD rootfs"}, {.created_by = "CMD sh", .empty_layer = true}};
    ImageConfig image = config_of({"a", "b"});
    image.history = base.history;
    image.history.push_back({.created_by = "COPY b /"});
    EXPECT_EQ(own_history(image, base).size(), 1U);

    image.history.front().created_by = "imported";
    EXPECT_EQ(own_history(image, base).size(), 2U);
}

TEST(RebaseValue, ExchangesWhatAVariableTookUpFromTheBase) {
    const auto carried = [](std::string value, std::string before, std::string after) {
        return carried_value({"PATH", std::move(value), std::move(before), std::move(after)});
    };

    EXPECT_EQ(carried("/opt/bin:/usr/bin", "/usr/bin", "/bin"), "/opt/bin:/bin");
    EXPECT_EQ(carried("/usr/bin:/opt", "/usr/bin", "/bin"), "/bin:/opt");
    EXPECT_EQ(carried("/x/usr/bin", "/usr/bin", "/bin"), "/x/usr/bin");
    EXPECT_EQ(carried("/usr/bin", "/usr/bin", "/bin"), "/usr/bin");
    EXPECT_EQ(carried_value({"A", "1:2", std::nullopt, "3"}), "1:2");
}

TEST(RebaseValue, FollowsPlainEnvInstructions) {
    using Lines = std::vector<std::string>;
    const Lines env = {"PATH=/bin", "A=1"};

    EXPECT_THAT(
        replay_env(Lines{"ENV PATH=/x:$PATH B=\"two words\" C='$A'", "ENV A=${A}2"}, env),
        Optional(ElementsAre("PATH=/x:/bin", "A=12", "B=two words", "C=$A"))
    );
    for (const char* odd : {"ENV A 1", "ENV A=${B:-c}", "ENV A=\"x", "ENV A=a\\ b", "ENV =1"}) {
        EXPECT_EQ(replay_env(Lines{odd}, env), std::nullopt) << odd;
    }
}

TEST(Rebase, CarriesOverWhatAnotherBuildersImageSet) {
    ImageConfig before = told(config_of({"old"}), {"ADD rootfs /"}, true);
    before.config.env = {"PATH=/usr/bin", "LANG=C"};
    before.config.cmd = {"sh"};
    ImageConfig image = before;
    image.diff_ids.push_back(digest_of("app"));
    image.history.push_back({.created_by = "COPY --link app / # buildkit"});
    image.history.push_back(
        {.created_by = "ENV PATH=/opt/bin:/usr/bin", .comment = "buildkit", .empty_layer = true}
    );
    image.config.env = {"PATH=/opt/bin:/usr/bin", "LANG=C"};
    image.config.entrypoint = {"/app"};
    image.config.cmd.reset();
    ImageConfig after = told(config_of({"new", "more"}), {"ADD rootfs /"}, true);
    after.config.env = {"PATH=/usr/bin:/bin", "LANG=D"};
    after.config.cmd = {"bash"};

    const Rebase rebase{image, before, after};
    ASSERT_THAT(check_rebase(rebase), Succeeds());
    const ImageConfig result = rebased_config(rebase);

    EXPECT_THAT(result.config.env, ElementsAre("PATH=/opt/bin:/usr/bin:/bin", "LANG=D"));
    EXPECT_EQ(result.config.cmd, std::nullopt);
    EXPECT_THAT(
        result.diff_ids, ElementsAre(digest_of("new"), digest_of("more"), digest_of("app"))
    );
    EXPECT_EQ(result.history.size(), 3U);
}

/// An image of kiln on `base`: what its ENV and "conda unset" lines make of the base's variables.
ImageConfig built_on(const ImageConfig& base, const std::vector<std::string>& lines) {
    ImageConfig image = base;
    image.diff_ids.push_back(digest_of("env"));
    image.history.push_back({.created_by = "conda env", .comment = "kiln"});
    if (!find_env(image.config.env, "PATH")) {
        set_env(image.config.env, "PATH", k_default_path);
    }
    for (const std::string& line : lines) {
        image.history.push_back({.created_by = line, .comment = "kiln", .empty_layer = true});
        if (line.starts_with("ENV") || line.starts_with(k_unset)) {
            image.config.env = *replay_env(std::vector{line}, image.config.env);
        }
    }
    return image;
}

TEST(Rebase, IsABuildOnTheOtherBaseWhateverTheirPaths) {
    const std::vector<std::string> lines = {
        "ENV PATH=/opt/env/bin:$PATH CONDA_PREFIX=/opt/env",
        "conda unset LANG MORE",
        "ENV PATH=/x:$PATH HOME_OF=$CONDA_PREFIX",
        "LABEL a=$CONDA_PREFIX"};
    const std::vector<std::vector<std::string>> bases = {
        {}, {"PATH=/new/bin:/bin", "LANG=C"}, {"A=1", "PATH=/usr/bin"}, {"MORE=1", "LANG=D"}};
    for (const auto& of_before : bases) {
        for (const auto& of_after : bases) {
            ImageConfig before = told(config_of({"old"}), {"ADD rootfs /"}, true);
            before.config.env = of_before;
            ImageConfig after = told(config_of({"new"}), {"ADD rootfs /"}, true);
            after.config.env = of_after;
            const ImageConfig image = built_on(before, lines);

            const Rebase rebase{image, before, after};

            ASSERT_THAT(check_rebase(rebase), Succeeds());
            EXPECT_EQ(rebased_config(rebase).render(), built_on(after, lines).render());
        }
    }
}

TEST(Rebase, IsRefusedForAStepThatTookUpWhatTheBasesHaveDifferently) {
    ImageConfig before = told(config_of({"old"}), {"ADD rootfs /"}, true);
    ImageConfig after = told(config_of({"new"}), {"ADD rootfs /"}, true);
    before.config.env = {"PATH=/bin", "DATA=/old"};
    after.config.env = {"PATH=/bin", "DATA=/new"};
    const ImageConfig taken = built_on(before, {"ENV HERE=$DATA/x", "WORKDIR $HERE"});
    const ImageConfig own = built_on(before, {"ENV DATA=/own", "WORKDIR $DATA"});

    EXPECT_THAT(
        check_rebase({taken, before, after}),
        FailsSaying(Code::unsupported, "took up HERE, which is \"/old/x\"")
    );
    EXPECT_THAT(check_rebase({own, before, after}), Succeeds());
}

TEST(Rebase, IsRefusedForAnotherPlatformOrAnUntoldLayer) {
    const ImageConfig before = config_of({"old"});
    const ImageConfig image = config_of({"old", "app"});
    ImageConfig after = config_of({"new"});

    EXPECT_THAT(
        check_rebase({image, before, after}), FailsSaying(Code::unsupported, "does not tell")
    );
    EXPECT_THAT(check_rebase({image, after, before}), FailsWith(Code::invalid_input));
    after.platform.architecture = "arm64";
    EXPECT_THAT(
        check_rebase({image, before, after}), FailsSaying(Code::unsupported, "linux/arm64")
    );
}

}  // namespace
}  // namespace kiln::oci
