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
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

using Variables = std::map<std::string, std::string>;

TEST(Activation, SetsThePrefixBeforeWhatThereWas) {
    const ActivationPoint point = activate_prefix("/opt/env", {"PATH=/bin", "A=1"}, {});

    EXPECT_THAT(
        point.environment,
        ElementsAre(
            "PATH=/opt/env/bin:/bin", "A=1", "CONDA_PREFIX=/opt/env", "CONDA_DEFAULT_ENV=/opt/env"
        )
    );
    EXPECT_EQ(
        point.instruction,
        "PATH=/opt/env/bin:$PATH CONDA_PREFIX=/opt/env CONDA_DEFAULT_ENV=/opt/env"
    );
}

TEST(Activation, LeavesOutWhatTheDockerfileSaysItself) {
    const ActivationPoint point =
        activate_prefix("/opt/env", {"PATH=/bin"}, {"PATH", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"});

    EXPECT_THAT(point.environment, ElementsAre("PATH=/bin"));
    EXPECT_EQ(point.instruction, "");
    EXPECT_EQ(activation_instruction(point.instruction, {}), "");
}

TEST(Activation, WhatTheDockerfileSetLaterStays) {
    const std::vector<Activation> activations = {
        {{"A=base", "B=base"}, {{"A", "env"}, {"B", "env"}, {"C", "env"}}},
        {{"A=base", "B=own"}, {{"A", "second"}, {"C", "second"}}}};

    EXPECT_THAT(
        with_activations({"A=base", "B=own"}, activations),
        ElementsAre("A=second", "B=own", "C=second")
    );
    EXPECT_THAT(
        with_activations({"A=base", "B=own", "C=own"}, activations),
        ElementsAre("A=second", "B=own", "C=own")
    );
    EXPECT_THAT(with_activations({"X=1"}, {}), ElementsAre("X=1"));
}

TEST(Activation, HistoryTellsItAsARebaseCanFollowIt) {
    const ActivationPoint point = activate_prefix("/opt/my env", {"PATH=/bin"}, {});
    const Variables variables = {{"DATA", "/opt/my env/share"}, {"PRICE", "5 $ \"net\""}};

    const std::vector<std::string> history = {activation_instruction(point.instruction, variables)};
    const auto replayed = oci::replay_env(history, {"PATH=/usr/bin"});

    EXPECT_EQ(
        history.front(),
        "ENV PATH=\"/opt/my env/bin:$PATH\" CONDA_PREFIX=\"/opt/my env\" "
        "CONDA_DEFAULT_ENV=\"/opt/my env\" DATA=\"/opt/my env/share\" "
        "PRICE='5 $ \"net\"'"
    );
    ASSERT_TRUE(replayed);
    EXPECT_THAT(
        oci::find_env(*replayed, "PATH"), Optional(std::string("/opt/my env/bin:/usr/bin"))
    );
    EXPECT_THAT(oci::find_env(*replayed, "PRICE"), Optional(std::string("5 $ \"net\"")));
}

RC_GTEST_PROP(Activation, VariablesAreRememberedAsTheyAre, ()) {
    Variables variables;
    for (const auto& name : *rc::gen::container<std::vector<std::string>>(
             rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('A', 'Z')))
         )) {
        variables[name] = *rc::gen::container<std::string>(rc::gen::inRange(' ', '~'));
    }
    const auto again = parse_variables(render_variables(variables));
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == variables);
}

TEST(Activation, ARecordThatIsNoneIsCorrupt) {
    EXPECT_THAT(parse_variables("[]"), FailsWith(Code::corrupt));
    EXPECT_THAT(parse_variables("{\"A\": 1}"), FailsWith(Code::corrupt));
}

}  // namespace
}  // namespace kiln::daemon
