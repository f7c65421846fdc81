#include "daemon/environments/export.hpp"

#include "layers/conda/input/environment_yaml.hpp"
#include "layers/conda/input/input.hpp"
#include "layers/dockerfile/parser.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string k_sha(64, 'a');

EnvironmentDefinition define(const std::string& text) {
    return parse_definition(text, "env.yml").value();
}

conda::Specification specify(const std::string& text) {
    return conda::parse_environment_yaml(text, "conda.yml", "linux-64").value();
}

conda::Lock sample_lock() {
    conda::Lock lock =
        conda::parse_lock(
            "@EXPLICIT\nhttps://user:secret@conda.example/forge/linux-64/python-3.11.9-h1_0.conda#"
                + k_sha + "\nhttps://conda.example/forge/linux-64/zlib-1.3-h2_0.conda#" + k_sha
                + "\n",
            "e.lock"
        )
            .value();
    return lock;
}

conda::PipEntry pip_entry() {
    return {
        .name = "requests",
        .version = "2.31",
        .location = "https://pypi.example/requests-2.31-py3-none-any.whl",
        .sha256 = std::string(64, 'b')};
}

const EnvironmentDefinition k_train = define(
    "name: train\ntags: {team: vision}\nimage: base:1\nconda_file: conda.yml\nprefix: /opt/t\n"
);

TEST(EnvironmentExport, NamesTheChannelsThatRelationsAdded) {
    conda::Lock lock = sample_lock();
    lock.inputs.channels = {"bio"};
    lock.inputs.channel_order = {"forge", "bio"};

    const auto text = export_environment(
        {.definition = k_train, .name = "train", .version = "3", .lock = &lock},
        EnvironmentFormat::environment
    );

    EXPECT_THAT(text.value(), HasSubstr("channels:\n  - forge\n  - bio\n"));
}

TEST(EnvironmentExport, IsAnEnvironmentYmlThatAsksForTheSame) {
    const auto wanted = specify(
        "name: other\nchannels: [forge, nodefaults]\ndependencies: [python=3.11, 'zlib >=1.3', "
        "{pip: [requests>=2]}]\nvariables: {A: '1.10'}\n"
    );

    const auto text = export_environment(
        {.definition = k_train, .name = "train", .version = "3", .specification = wanted},
        EnvironmentFormat::environment
    );

    ASSERT_THAT(text, Succeeds());
    EXPECT_EQ(
        *text, R"(# environment train:3, as kiln exports it; its whole definition, packages apart:
# | name: train
# | tags:
# |   team: vision
# | image: base:1
# | prefix: /opt/t
name: train
channels:
  - forge
  - nodefaults
dependencies:
  - python=3.11
  - "zlib >=1.3"
  - pip:
      - requests>=2
variables:
  A: "1.10"
)"
    );
    const auto again = specify(*text);
    EXPECT_EQ(again.specifications.size(), 2U);
    EXPECT_FALSE(again.appends_default_channels);
}

TEST(EnvironmentExport, IsAnEnvironmentYmlOfExactPinsWhereThereIsOnlyALock) {
    auto locked = sample_lock();
    locked.pip.push_back(pip_entry());

    const auto text = export_environment(
        {.definition = k_train, .lock = &locked}, EnvironmentFormat::environment
    );

    ASSERT_THAT(text, Succeeds());
    EXPECT_THAT(*text, HasSubstr("  - python=3.11.9=h1_0\n  - zlib=1.3=h2_0\n"));
    EXPECT_THAT(*text, HasSubstr("  - pip:\n      - requests==2.31\n"));
}

TEST(EnvironmentExport, IsALockThatInstallsTheSameWithoutCredentials) {
    const auto locked = sample_lock();
    for (const EnvironmentFormat format :
         {EnvironmentFormat::explicit_list, EnvironmentFormat::conda_lock}) {
        SCOPED_TRACE(environment_format_name(format));

        const auto text = export_environment(
            {.definition = k_train, .base = digest_of("x"), .lock = &locked}, format
        );

        ASSERT_THAT(text, Succeeds());
        EXPECT_THAT(*text, AllOf(Not(HasSubstr("secret")), HasSubstr("# base:1 was sha256:")));
        const auto again = conda::read_conda_lock(*text, "e");
        ASSERT_THAT(again, Succeeds());
        ASSERT_EQ(again->entries.size(), 2U);
        EXPECT_EQ(again->platform, "linux-64");
        EXPECT_EQ(again->entries[0].sha256, k_sha);
    }
}

TEST(EnvironmentExport, RefusesALockOfWhatWasNotResolvedOrHasNoPackages) {
    const auto alone = define("name: a\nimage: base:1\n");

    const auto unresolved =
        export_environment({.definition = k_train}, EnvironmentFormat::explicit_list);
    const auto empty = export_environment({.definition = alone}, EnvironmentFormat::conda_lock);

    EXPECT_THAT(unresolved, FailsSaying(Code::invalid_input, "not resolved yet"));
    EXPECT_THAT(unresolved.error().hint, HasSubstr("build it first"));
    EXPECT_THAT(empty, FailsSaying(Code::invalid_input, "no conda packages"));
    EXPECT_THAT(
        export_environment({.definition = alone}, EnvironmentFormat::environment),
        FailsSaying(Code::invalid_input, "no conda packages")
    );
}

TEST(EnvironmentExport, IsADefinitionThatAzureMlReads) {
    const auto wanted = specify("channels: [forge]\ndependencies: [python=3.11]\n");
    const auto it =
        define("name: train\nimage: base:1\nconda_file: c.yml\nplatform: linux-64\nprefix: /opt/t\n"
        );

    const auto text = export_environment(
        {.definition = it, .name = "train", .version = "3", .specification = wanted},
        EnvironmentFormat::azureml
    );

    ASSERT_THAT(text, Succeeds());
    EXPECT_EQ(*text, R"(# platform: linux-64 (Azure ML has no key for it)
# prefix: /opt/t (Azure ML has no key for it)
name: train
version: 3
image: base:1
conda_file:
  name: train
  channels:
    - forge
  dependencies:
    - python=3.11
)");
}

TEST(EnvironmentExport, RefusesForAzureMlWhatItCannotSay) {
    const auto both = define("name: a\nbuild: {path: .}\nconda_file: c.yml\n");
    const auto args = define("name: a\nbuild: {path: ., args: {N: 1}}\n");

    EXPECT_THAT(
        export_environment({.definition = both}, EnvironmentFormat::azureml),
        FailsSaying(Code::unsupported, "above a Docker build")
    );
    EXPECT_THAT(
        export_environment({.definition = args}, EnvironmentFormat::azureml),
        FailsSaying(Code::unsupported, "build arguments")
    );
}

TEST(EnvironmentExport, IsADockerfileWithAStageThatInstallsThePackages) {
    auto locked = sample_lock();
    locked.pip.push_back(pip_entry());
    const auto wanted = specify("dependencies: [python]\nvariables: {A: 'a \"b\" $c'}\n");

    const auto text = export_environment(
        {.definition = k_train, .specification = wanted, .lock = &locked},
        EnvironmentFormat::dockerfile
    );

    ASSERT_THAT(text, Succeeds());
    const auto parsed = dockerfile::parse(*text, "Dockerfile");
    ASSERT_THAT(parsed, Succeeds());
    ASSERT_EQ(parsed->stages.size(), 2U);
    EXPECT_EQ(parsed->stages[0].name->text, "conda");
    EXPECT_EQ(parsed->stages[1].image.text, "base:1");
    EXPECT_EQ(parsed->stages[1].instructions.size(), 4U);
    EXPECT_THAT(*text, HasSubstr("requests==2.31 --hash=sha256:bbbb"));
    EXPECT_THAT(*text, HasSubstr("ENV A=\"a \\\"b\\\" \\$c\"\n"));
    EXPECT_THAT(*text, HasSubstr("ENV PATH=/opt/t/bin:$PATH "));
}

TEST(EnvironmentExport, PutsThatStageBeforeTheLastOneOfAGivenDockerfile) {
    const auto locked = sample_lock();
    const auto it = define("name: a\nbuild: {path: .}\nlock: e.lock\n");
    const std::string given = "# syntax=docker/dockerfile:1\nARG V=1\nFROM base:$V\nRUN make";

    const auto text = export_environment(
        {.definition = it, .lock = &locked, .dockerfile = given}, EnvironmentFormat::dockerfile
    );

    ASSERT_THAT(text, Succeeds());
    const auto parsed = dockerfile::parse(*text, "Dockerfile");
    ASSERT_THAT(parsed, Succeeds());
    EXPECT_TRUE(parsed->directives.syntax.has_value());
    EXPECT_EQ(parsed->global_args.size(), 1U);
    ASSERT_EQ(parsed->stages.size(), 2U);
    EXPECT_EQ(parsed->stages[1].original, "FROM base:$V");
    EXPECT_EQ(parsed->stages[1].instructions.size(), 3U);

    EXPECT_THAT(
        export_environment(
            {.definition = it, .lock = &locked, .dockerfile = "FROM a AS conda\n"},
            EnvironmentFormat::dockerfile
        ),
        FailsSaying(Code::unsupported, "a stage conda of its own")
    );
    EXPECT_THAT(
        export_environment({.definition = it, .lock = &locked}, EnvironmentFormat::dockerfile),
        FailsWith(Code::not_found)
    );
}

TEST(EnvironmentFormat, HasANameOrIsRefusedWithThoseThereAre) {
    EXPECT_EQ(parse_environment_format("conda-lock"), EnvironmentFormat::conda_lock);
    const auto unknown = parse_environment_format("conda");
    ASSERT_THAT(unknown, FailsWith(Code::invalid_input));
    EXPECT_THAT(unknown.error().hint, HasSubstr("azureml"));
}

}  // namespace
}  // namespace kiln::daemon
