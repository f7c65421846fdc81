#include "daemon/build/activation.hpp"

#include "layers/oci/image_config.hpp"
#include "layers/oci/rebase_value.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace kiln::daemon {
namespace {

using kiln::testing::FailsWith;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

TEST(Activation, SetsThePrefixBeforeWhatThereWas) {
    const ActivationPoint point = activate_prefix("/opt/env", {"PATH=/bin", "A=1"}, {});

    EXPECT_THAT(
        point.environment,
        ElementsAre(
            "PATH=/opt/env/bin:/bin", "A=1", "CONDA_PREFIX=/opt/env", "CONDA_DEFAULT_ENV=/opt/env"
        )
    );
    EXPECT_THAT(
        activation_history(point, {}),
        ElementsAre("ENV PATH=/opt/env/bin:$PATH CONDA_PREFIX=/opt/env CONDA_DEFAULT_ENV=/opt/env")
    );
}

TEST(Activation, LeavesOutWhatTheDockerfileSaysItself) {
    const ActivationPoint point =
        activate_prefix("/opt/env", {"PATH=/bin"}, {"PATH", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"});

    EXPECT_THAT(point.environment, ElementsAre("PATH=/bin"));
    EXPECT_THAT(activation_history(point, {}), IsEmpty());
}

TEST(Activation, SetsItsVariablesAndTakesAwayWhatItUnsets) {
    const Activation activation{.variables = {{"A", "env"}, {"C", "env"}}, .unset = {"B", "X"}};

    EXPECT_THAT(activated({"A=base", "B=base"}, activation), ElementsAre("A=env", "C=env"));
    EXPECT_THAT(activated({"BB=1"}, {}), ElementsAre("BB=1"));
}

TEST(Activation, HistoryTellsItAsARebaseCanFollowIt) {
    const ActivationPoint point = activate_prefix("/opt/my env", {"PATH=/bin", "LIBS=/l"}, {});
    const Activation activation{
        .variables =
            {{"DATA", "/opt/my env/share"},
             {"LIBS", "/a:/l:/b"},
             {"PATH", "/more:/opt/my env/bin:/bin"},
             {"PRICE", "it's 5 $ \"net\" \\"}},
        .unset = {"GONE", "LOST"}};

    const auto history = activation_history(point, activation);
    const std::vector<std::string> other = {"PATH=/usr/bin", "GONE=1", "LIBS=/k"};
    const auto replayed = oci::replay_env(history, other);

    EXPECT_THAT(
        history,
        ElementsAre(
            "ENV PATH='/more:/opt/my env/bin:'$PATH CONDA_PREFIX='/opt/my env' "
            "CONDA_DEFAULT_ENV='/opt/my env' DATA='/opt/my env/share' LIBS=/a:$LIBS:/b "
            "PRICE='it'\"'\"'s 5 $ \"net\" \\'",
            "conda unset GONE LOST"
        )
    );
    EXPECT_THAT(
        replayed,
        Optional(ElementsAre(
            "PATH=/more:/opt/my env/bin:/usr/bin",
            "LIBS=/a:/k:/b",
            "CONDA_PREFIX=/opt/my env",
            "CONDA_DEFAULT_ENV=/opt/my env",
            "DATA=/opt/my env/share",
            "PRICE=it's 5 $ \"net\" \\"
        ))
    );
}

RC_GTEST_PROP(Activation, IsRememberedAsItIs, ()) {
    Activation activation;
    for (const auto& name : *rc::gen::container<std::vector<std::string>>(
             rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('A', 'Z')))
         )) {
        activation.variables[name] = *rc::gen::container<std::string>(rc::gen::inRange(' ', '~'));
        activation.unset.insert(name + "_");
    }
    const auto again = parse_activation(render_activation(activation));
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == activation);
}

RC_GTEST_PROP(Activation, WhatHistoryTellsGivesTheSameVariables, ()) {
    Activation activation;
    for (const char* name : {"A", "B", "C"}) {
        activation.variables[name] = *rc::gen::container<std::string>(rc::gen::inRange(' ', '~'));
    }
    const ActivationPoint point{.before = {"A=1"}, .environment = {"A=1"}, .names = {}};
    const auto history = activation_history(point, activation);
    RC_ASSERT(oci::replay_env(history, point.before) == activated(point.environment, activation));
}

TEST(Activation, ARecordThatIsNoneIsCorrupt) {
    for (const char* text :
         {"[]",
          "{\"set\": []}",
          "{\"set\": {\"A\": 1}, \"unset\": []}",
          "{\"set\": {}}",
          "{\"set\": {}, \"unset\": [1]}"}) {
        EXPECT_THAT(parse_activation(text), FailsWith(Code::corrupt)) << text;
    }
}

}  // namespace
}  // namespace kiln::daemon
