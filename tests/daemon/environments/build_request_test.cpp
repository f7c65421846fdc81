#include "daemon/environments/build_request.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

namespace kiln::daemon {
namespace {

using testing::Succeeds;

EnvironmentDefinition defined(const std::string& text) {
    auto definition = parse_definition(text, "env.yml");
    EXPECT_THAT(definition, Succeeds());
    return std::move(*definition);
}

EnvironmentInputs on_base(const std::string& name) {
    EnvironmentInputs inputs;
    inputs.definition = {"env.yml", ""};
    inputs.base = PinnedImage{name, {"application/json", digest_of("base"), 4}};
    return inputs;
}

const NamedText k_lock{"env.lock", "@EXPLICIT\n"};

TEST(EnvironmentBuildRequest, PutsThePackagesOnThePinnedBase) {
    const auto definition = defined("name: a\nimage: debian:12\nconda_file: c.yml\n");

    const auto request =
        environment_build_request(definition, on_base("debian:12"), k_lock, {{"A", "1"}});

    ASSERT_THAT(request, Succeeds());
    EXPECT_EQ(
        request->dockerfile.text,
        "FROM debian:12\n\nCOPY --link --from=environment / /\n"
        "ENV PATH=/opt/env/bin:$PATH CONDA_PREFIX=/opt/env CONDA_DEFAULT_ENV=/opt/env A=1\n"
    );
    const auto& base = std::get<ImageContext>(request->contexts.at("debian:12"));
    EXPECT_EQ(base.reference, digest_of("base").render());
    EXPECT_EQ(std::get<CondaContext>(request->contexts.at("environment")).prefix, "/opt/env");
}

TEST(EnvironmentBuildRequest, QuotesWhatAShellWouldRead) {
    const auto definition = defined("name: a\nimage: b:1\nconda_file: c.yml\n");

    const auto request = environment_build_request(
        definition, on_base("b:1"), k_lock, {{"FLAGS", "-O2 \"x\" $HOME \\"}, {"EMPTY", ""}}
    );

    ASSERT_THAT(request, Succeeds());
    EXPECT_THAT(
        request->dockerfile.text, ::testing::HasSubstr(R"(FLAGS="-O2 \"x\" \$HOME \\" EMPTY="")")
    );
}

TEST(EnvironmentBuildRequest, EscapesAsTheDockerfileDoes) {
    const auto definition = defined("name: a\nbuild: {path: .}\nconda_file: c.yml\n");
    EnvironmentInputs inputs;
    inputs.docker = DockerInputs{
        {"Dockerfile", "# escape=`\nFROM debian:12\n"},
        std::nullopt,
        digest_of("listing"),
        {{"debian:12", {"application/json", digest_of("base"), 4}}}};

    const auto request = environment_build_request(definition, inputs, k_lock, {{"A", "$x"}});

    ASSERT_THAT(request, Succeeds());
    EXPECT_THAT(request->dockerfile.text, ::testing::HasSubstr("A=\"`$x\""));
    EXPECT_TRUE(request->contexts.contains("debian:12"));
    EXPECT_EQ(request->context, digest_of("listing"));
}

TEST(EnvironmentBuildRequest, LeavesADockerBuildAsItIs) {
    const auto definition = defined("name: a\nbuild: {path: ., args: {A: '1'}}\n");
    EnvironmentInputs inputs;
    inputs.docker =
        DockerInputs{{"Dockerfile", "FROM scratch\n"}, std::nullopt, digest_of("listing"), {}};

    const auto request = environment_build_request(definition, inputs, std::nullopt, {});

    ASSERT_THAT(request, Succeeds());
    EXPECT_EQ(request->dockerfile.text, "FROM scratch\n");
    EXPECT_EQ(request->build_args.at("A"), "1");
}

}  // namespace
}  // namespace kiln::daemon
