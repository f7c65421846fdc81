#include "daemon/build/planner.hpp"

#include "layers/dockerfile/parser.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

BuildRequest request_with_context() {
    BuildRequest request;
    request.context = digest_of("listing");
    request.max_layers = 120;
    return request;
}

/// The store of these tests: debian:12, with a command and a variable, and imported:1 with nothing.
Result<Image> resolve(const std::string& reference) {
    Image image;
    image.config.platform = oci::Platform::host();
    if (reference == "imported:1") {
        return image;
    }
    if (reference != "debian:12") {
        return fail(Code::not_found, "image {} is not in the store", reference);
    }
    image.config.config.env = {"PATH=/bin", "FROM_BASE=yes"};
    image.config.config.cmd = std::vector<std::string>{"bash"};
    image.config.config.on_build = {};
    return image;
}

Result<BuildGraph> plan_text(std::string_view text, const BuildRequest& request) {
    TRY_ASSIGN(const auto dockerfile, dockerfile::parse(text, "Dockerfile"));
    return plan(request, dockerfile, resolve);
}

Result<BuildGraph> plan_text(std::string_view text) {
    return plan_text(text, request_with_context());
}

const RunStep& run_of(const BuildGraph& graph, std::size_t step) {
    return std::get<RunStep>(graph.stages.back().steps.at(step).action);
}

TEST(Planner, GivesABaseWithoutPathTheUsualOneToAddTo) {
    const auto graph = plan_text("FROM imported:1\nENV PATH=/opt/bin:$PATH\n");

    ASSERT_THAT(graph, Succeeds());
    EXPECT_EQ(
        oci::find_env(graph->stages.back().config.config.env, "PATH"),
        "/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    );
}

TEST(Planner, LeavesOutStagesThatTheTargetDoesNotNeed) {
    const auto graph = plan_text(
        "FROM debian:12 AS a\nFROM no-such-image AS unused\nRUN x\nFROM scratch\nCOPY --from=a /x "
        "/x\n"
    );

    ASSERT_THAT(graph, Succeeds());
    ASSERT_EQ(graph->stages.size(), 2U);
    EXPECT_EQ(graph->stages[0].name, "a");
    EXPECT_EQ(graph->stages[1].name, "2");
}

TEST(Planner, TakesNoVariableForAStageThatNothingElseNames) {
    EXPECT_THAT(
        plan_text("FROM scratch AS a\nFROM scratch\nARG S=a\nCOPY --from=$S /x /x\n"),
        FailsSaying(Code::invalid_input, "can't stand for the stage \"a\"")
    );
    EXPECT_THAT(
        plan_text("FROM scratch AS a\nFROM a\nARG S=a\nCOPY --from=$S /x /x\n"), Succeeds()
    );
}

TEST(Planner, NamesStepsByStageOnlyWhereThereAreSeveral) {
    const auto single = plan_text("FROM debian:12 AS only\nRUN make\n");
    const auto several = plan_text("FROM debian:12 AS a\nFROM a\nRUN make\n");

    ASSERT_THAT(single, Succeeds());
    EXPECT_EQ(single->stages[0].base_name, "[1/2] FROM debian:12");
    EXPECT_EQ(single->stages[0].steps[0].name, "[2/2] RUN make");
    ASSERT_THAT(several, Succeeds());
    EXPECT_EQ(several->stages[0].base_name, "[a 1/1] FROM debian:12");
    EXPECT_EQ(several->stages[1].steps[0].name, "[stage-1 2/2] RUN make");
}

TEST(Planner, RefusesAStageThatComesLaterOrIsItself) {
    EXPECT_THAT(
        plan_text(
            "FROM scratch\nCOPY --from=b / /\nFROM scratch AS b\nFROM scratch\nCOPY --from=0 / /\n"
        ),
        FailsSaying(Code::invalid_input, "\"b\" comes later")
    );
    EXPECT_THAT(
        plan_text("FROM scratch AS a\nCOPY --from=a / /\n"),
        FailsSaying(Code::invalid_input, "can't use itself")
    );
}

TEST(Planner, TellsTheHintOfAMissingImageWithItsPlace) {
    const auto graph = plan_text("FROM debian:13\n");

    ASSERT_THAT(graph, FailsSaying(Code::not_found, "debian:13"));
    EXPECT_EQ(graph.error().where->line, 1U);
    EXPECT_EQ(graph.error().where->column, 6U);
}

TEST(Planner, LetsEnvGoBeforeArgAndOldValuesServeOneInstruction) {
    const auto graph =
        plan_text("FROM debian:12\nARG V=arg\nENV V=env W=$V\nENV X=$V Y=$X\nRUN true\n");

    ASSERT_THAT(graph, Succeeds());
    const auto& env = graph->stages.back().config.config.env;
    EXPECT_THAT(env, Contains("V=env"));
    EXPECT_THAT(env, Contains("W=arg"));  // the environment before the instruction
    EXPECT_THAT(env, Contains("X=env"));
    EXPECT_THAT(env, Contains("Y="));
}

TEST(Planner, GivesRunTheDeclaredArgumentsAndProxiesOutsideTheKey) {
    BuildRequest request = request_with_context();
    request.build_args = {{"VERSION", "2"}, {"UNSEEN", "x"}, {"http_proxy", "http://127.0.0.1:1"}};

    const auto graph = plan_text("FROM debian:12\nARG VERSION=1\nRUN make\n", request);

    ASSERT_THAT(graph, Succeeds());
    const RunStep& run = run_of(*graph, 1);
    EXPECT_THAT(run.environment, Contains("VERSION=2"));
    EXPECT_THAT(run.environment, Contains("SOURCE_DATE_EPOCH=315619200"));
    EXPECT_THAT(run.environment, Not(Contains("UNSEEN=x")));
    EXPECT_THAT(run.unkeyed_environment, ElementsAre("http_proxy=http://127.0.0.1:1"));
    ASSERT_EQ(graph->warnings.size(), 1U);
    EXPECT_THAT(graph->warnings[0].message, ::testing::HasSubstr("UNSEEN"));
}

TEST(Planner, SeesGlobalArgumentsInFromAndWhereTheyAreDeclaredAgain) {
    const auto graph =
        plan_text("ARG TAG=12\nFROM debian:${TAG}\nRUN echo ${TAG:-none}\nARG TAG\nENV T=$TAG\n");

    ASSERT_THAT(graph, Succeeds());
    EXPECT_THAT(run_of(*graph, 0).environment, Not(Contains("TAG=12")));
    EXPECT_THAT(graph->stages.back().config.config.env, Contains("T=12"));
}

TEST(Planner, ForgetsTheCommandOfTheBaseWhenTheEntryPointChanges) {
    const auto kept = plan_text("FROM debian:12\n");
    const auto reset = plan_text("FROM debian:12\nENTRYPOINT [\"app\"]\n");
    const auto own = plan_text("FROM debian:12\nCMD [\"x\"]\nENTRYPOINT [\"app\"]\n");

    EXPECT_TRUE(kept->stages.back().config.config.cmd.has_value());
    EXPECT_FALSE(reset->stages.back().config.config.cmd.has_value());
    EXPECT_TRUE(own->stages.back().config.config.cmd.has_value());
}

TEST(Planner, MakesPathsAbsoluteAndKeepsThemInsideTheRoot) {
    const auto graph = plan_text("FROM debian:12\nWORKDIR a\nWORKDIR ../../b\nCOPY ../x ./y/\n");

    ASSERT_THAT(graph, Succeeds());
    const auto& steps = graph->stages.back().steps;
    EXPECT_EQ(std::get<WorkdirStep>(steps[0].action).path, "/a");
    EXPECT_EQ(std::get<WorkdirStep>(steps[1].action).path, "/b");
    const auto& copy = std::get<CopyStep>(steps[2].action);
    EXPECT_EQ(copy.sources.at(0).path, "x");
    EXPECT_EQ(copy.destination, "/b/y");
    EXPECT_TRUE(copy.into_directory);
}

TEST(Planner, RunsShellFormThroughTheShellAndExecFormAsItIs) {
    const auto graph = plan_text(
        "FROM debian:12\nRUN echo $HOME\nSHELL [\"/bin/bash\", \"-ec\"]\nRUN echo\nRUN [\"ls\", "
        "\"-l\"]\n"
    );

    ASSERT_THAT(graph, Succeeds());
    EXPECT_THAT(run_of(*graph, 0).arguments, ElementsAre("/bin/sh", "-c", "echo $HOME"));
    EXPECT_THAT(run_of(*graph, 2).arguments, ElementsAre("/bin/bash", "-ec", "echo"));
    EXPECT_THAT(run_of(*graph, 3).arguments, ElementsAre("ls", "-l"));
}

struct Unsupported {
    std::string_view text;
    std::string_view names;
    std::uint32_t line;
};

class PlannerRefuses : public ::testing::TestWithParam<Unsupported> {};

TEST_P(PlannerRefuses, ByNameAndPlace) {
    const auto graph = plan_text(GetParam().text);

    ASSERT_THAT(graph, FailsSaying(Code::unsupported, std::string(GetParam().names)));
    ASSERT_TRUE(graph.error().where.has_value());
    EXPECT_EQ(graph.error().where->line, GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    WhatIsNotThereYet,
    PlannerRefuses,
    ::testing::Values(
        Unsupported{"FROM debian:12\nRUN --mount=type=cache,target=/c true\n", "RUN --mount", 2},
        Unsupported{"FROM debian:12\nRUN --security=insecure true\n", "RUN --security=insecure", 2},
        Unsupported{"FROM debian:12\n\nADD https://example.com/x /x\n", "ADD of a URL", 3},
        Unsupported{"FROM debian:12\nADD --checksum=sha256:aa x /x\n", "ADD --checksum", 2},
        Unsupported{"FROM debian:12\nCOPY --parents a/b /x/\n", "COPY --parents", 2},
        Unsupported{"FROM --platform=linux/s390x debian:12\n", "linux/s390x", 1}
    )
);

TEST(Planner, WantsADirectoryForSeveralSources) {
    EXPECT_THAT(
        plan_text("FROM scratch\nCOPY a b /c\n"),
        FailsSaying(Code::invalid_input, "more than one source")
    );
}

TEST(Planner, SetsWhatAWholeEnvironmentIsMetBy) {
    BuildRequest request = request_with_context();
    request.contexts.emplace("env", CondaContext{.lock = {"env.lock", ""}, .prefix = "/opt/e"});
    const auto whole = plan_text(
        "FROM debian:12\nCOPY --link --from=env / /\nRUN true\nENV PATH=/x:$PATH\n", request
    );
    const auto part = plan_text("FROM debian:12\nCOPY --from=env / /\n", request);
    const auto own = plan_text(
        "FROM debian:12\nCOPY --link --from=env / /\nENV PATH=/opt/e/bin:$PATH\n", request
    );

    ASSERT_THAT(whole, Succeeds());
    EXPECT_EQ(oci::find_env(run_of(*whole, 1).environment, "PATH"), "/opt/e/bin:/bin");
    const auto& env = whole->stages.back().config.config.env;
    EXPECT_EQ(oci::find_env(env, "PATH"), "/x:/opt/e/bin:/bin");
    EXPECT_EQ(oci::find_env(env, "CONDA_PREFIX"), "/opt/e");
    EXPECT_EQ(oci::find_env(part.value().stages.back().config.config.env, "PATH"), "/bin");
    EXPECT_EQ(
        oci::find_env(own.value().stages.back().config.config.env, "PATH"), "/opt/e/bin:/bin"
    );
}

/// debian:12 with an environment, and what follows it.
Result<BuildGraph> plan_after_environment(
    std::string_view text, const Activations& activations = {}
) {
    BuildRequest request = request_with_context();
    request.contexts.emplace("env", CondaContext{.lock = {"env.lock", ""}, .prefix = "/opt/e"});
    const std::string whole =
        "FROM debian:12 AS first\nCOPY --link --from=env / /\n" + std::string(text);
    TRY_ASSIGN(const auto dockerfile, dockerfile::parse(whole, "Dockerfile"));
    return plan(request, dockerfile, resolve, activations);
}

std::vector<bool> provisional_steps(const Stage& stage) {
    std::vector<bool> provisional;
    for (const Step& step : stage.steps) {
        provisional.push_back(step.provisional);
    }
    return provisional;
}

constexpr std::string_view k_after_environment =
    "COPY --link a /a\nENV X=$DATA PATH=/x:$PATH\nWORKDIR $DATA\nCOPY b $DATA/b\n"
    "EXPOSE ${PORT}\nCOPY c rest/\nRUN make\nFROM first\nRUN test\n";

TEST(Planner, LeavesOpenWhatFollowsAnEnvironmentUntilItIsKnownWhatThatSets) {
    const auto graph = plan_after_environment(k_after_environment);

    ASSERT_THAT(graph, Succeeds());
    const Stage& first = graph->stages.front();
    EXPECT_TRUE(first.open);
    EXPECT_THAT(
        provisional_steps(first), ElementsAre(false, false, true, true, true, true, true, true)
    );
    EXPECT_THAT(provisional_steps(graph->stages.back()), ElementsAre(true));
}

TEST(Planner, ExpandsWhatAnEnvironmentSetsOnceThatIsKnown) {
    const auto graph = plan_after_environment(k_after_environment);
    ASSERT_THAT(graph, Succeeds());
    const Activation activation{
        .variables = {{"DATA", "/opt/e/share"}, {"PATH", "/more:/opt/e/bin:/bin"}, {"PORT", "80"}},
        .unset = {"FROM_BASE"}};

    const auto known = plan_after_environment(
        k_after_environment, {{graph->stages.front().steps.front().id, activation}}
    );

    ASSERT_THAT(known, Succeeds());
    EXPECT_EQ(known->steps, graph->steps);
    const Stage& first = known->stages.front();
    EXPECT_FALSE(first.open);
    EXPECT_THAT(provisional_steps(first), Not(Contains(true)));
    const oci::RunConfig& config = first.config.config;
    EXPECT_EQ(oci::find_env(config.env, "X"), "/opt/e/share");
    EXPECT_EQ(oci::find_env(config.env, "PATH"), "/x:/more:/opt/e/bin:/bin");
    EXPECT_EQ(oci::find_env(config.env, "FROM_BASE"), std::nullopt);
    EXPECT_EQ(config.working_dir, "/opt/e/share");
    EXPECT_THAT(config.exposed_ports, ElementsAre("80/tcp"));
    EXPECT_EQ(std::get<CopyStep>(first.steps[4].action).destination, "/opt/e/share/b");
    EXPECT_EQ(std::get<CopyStep>(first.steps[6].action).destination, "/opt/e/share/rest");
    const RunStep& run = run_of(*known, 0);
    EXPECT_EQ(oci::find_env(run.environment, "DATA"), "/opt/e/share");
    EXPECT_EQ(run.working_directory, "/opt/e/share");
}

TEST(Planner, RefusesAtOnceWhatNoVariableCanMend) {
    EXPECT_THAT(
        plan_after_environment("COPY --from=none a /a\n"), FailsSaying(Code::not_found, "none")
    );
    EXPECT_THAT(
        plan_after_environment("WORKDIR $DATA\n", {{1, {}}}),
        FailsSaying(Code::invalid_input, "WORKDIR is empty")
    );
}

TEST(Planner, PutsLabelsOfTheRequestIntoTheTargetOnly) {
    BuildRequest request = request_with_context();
    request.labels = {{"team", "blue"}};

    const auto graph = plan_text("FROM scratch AS a\nFROM scratch\nCOPY --from=a / /\n", request);

    ASSERT_THAT(graph, Succeeds());
    EXPECT_EQ(graph->stages.back().config.config.labels.at("team"), "blue");
    EXPECT_THAT(graph->stages.front().config.config.labels, IsEmpty());
}

}  // namespace
}  // namespace kiln::daemon
