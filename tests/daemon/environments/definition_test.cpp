#include "daemon/environments/definition.hpp"

#include "layers/conda/input/environment_yaml.hpp"
#include "tests/support/matchers.hpp"

#include <vector>

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<EnvironmentDefinition> parse(std::string_view text) {
    return parse_definition(text, "env.yml");
}

TEST(Definition, HasEveryKeyOfTheSchema) {
    const auto it = parse(R"(
$schema: https://example.com/environment.schema.json
name: torch-train
version: 7
description: for training
tags: {team: vision, gpu: 1}
properties: {cost: low}
image: base.example/ml/openmpi:4.1
conda_file: ./conda/env.yml
os_type: linux
platform: linux/arm64
prefix: /opt/torch/
inference_config:
  liveness_route: {path: /live, port: 5001}
  readiness_route: {path: /ready, port: 5001}
  scoring_route: {path: /score, port: 80}
auto_rebuild: on_base_image_update
)");

    ASSERT_THAT(it, Succeeds());
    EXPECT_EQ(it->name->text, "torch-train");
    EXPECT_EQ(it->name->span.line, 3U);
    EXPECT_EQ(it->version->text, "7");
    EXPECT_EQ(it->description, "for training");
    EXPECT_THAT(
        it->tags, ElementsAre(::testing::Pair("gpu", "1"), ::testing::Pair("team", "vision"))
    );
    EXPECT_THAT(it->properties, ElementsAre(::testing::Pair("cost", "low")));
    EXPECT_EQ(it->base()->path(), "ml/openmpi");
    EXPECT_EQ(it->conda->kind, DefinedConda::Kind::path);
    EXPECT_EQ(it->conda->value.text, "./conda/env.yml");
    EXPECT_EQ(it->conda->value.span.line, 9U);
    EXPECT_EQ(it->platform_or(oci::Platform::host()).render(), "linux/arm64");
    EXPECT_EQ(it->prefix.text, "/opt/torch");
    EXPECT_EQ(it->inference.scoring->path, "/score");
    EXPECT_EQ(it->inference.scoring->port, 80);
    EXPECT_EQ(it->auto_rebuild, AutoRebuild::on_base_image_update);
    EXPECT_EQ(it->kind(), EnvironmentKind::system_managed);
}

TEST(Definition, SaysWhichCodeOfPackagesRuns) {
    const auto none = parse("name: a\nimage: b\n");
    const auto some = parse("name: a\nimage: b\nactivate: yes\nlink_scripts: [perl, ant]\n");

    ASSERT_THAT(some, Succeeds());
    EXPECT_FALSE(none->activate);
    EXPECT_EQ(none->link_scripts.render(), "deny");
    EXPECT_TRUE(some->activate);
    EXPECT_EQ(some->link_scripts.render(), "ant,perl");
    const auto again = parse(render_definition(*some));
    ASSERT_THAT(again, Succeeds());
    EXPECT_TRUE(again->activate);
    EXPECT_EQ(again->link_scripts, some->link_scripts);
}

TEST(Definition, OfAnImageAloneIsUserManagedAndNamesNoFile) {
    const auto it = parse("name: mine\nimage: debian:12\n");

    ASSERT_THAT(it, Succeeds());
    EXPECT_EQ(it->kind(), EnvironmentKind::user_managed);
    EXPECT_EQ(it->prefix.text, "/opt/env");
    EXPECT_EQ(it->version, std::nullopt);
    EXPECT_THAT(named_files(*it), IsEmpty());
}

TEST(Definition, OfABuildNamesItsContextAndTheDockerfileInIt) {
    const auto it = parse(
        "name: mine\nbuild:\n  path: ./src\n  dockerfile_path: ./docker//Dockerfile.gpu\n"
        "conda_file: env.yml\n"
    );

    ASSERT_THAT(it, Succeeds());
    const auto files = named_files(*it);
    ASSERT_EQ(files.size(), 3U);
    EXPECT_EQ(files[0].role, NamedFile::Role::conda_file);
    EXPECT_EQ(files[0].path.text, "env.yml");
    EXPECT_EQ(files[1].role, NamedFile::Role::build_context);
    EXPECT_EQ(files[1].path.text, "./src");
    EXPECT_EQ(files[2].role, NamedFile::Role::dockerfile);
    EXPECT_EQ(files[2].path.text, "docker/Dockerfile.gpu");
}

TEST(Definition, KeepsAVersionThatOnlyLooksLikeANumber) {
    EXPECT_EQ(parse("name: a\nimage: b\nversion: 1.10\n")->version->text, "1.10");
    EXPECT_EQ(parse("name: a\nimage: b\nversion: 2024-01-05\n")->version->text, "2024-01-05");
}

TEST(Definition, TellsAContextThatIsFetchedFromOneThatIsOpened) {
    EXPECT_TRUE(is_remote_context("https://git.example/team/app.git#main:src"));
    EXPECT_TRUE(is_remote_context("git@git.example:team/app.git"));
    EXPECT_FALSE(is_remote_context("../docker"));
}

TEST(Definition, HasAnInlineSpecificationWithTheLinesOfItsOwnFile) {
    const auto it = parse(
        "name: a\nconda_file:\n  channels: [forge]\n  dependencies:\n    - python=3.11\n"
        "    - pip:\n      - requests\n\nimage: base:1\n"
    );

    ASSERT_THAT(it, Succeeds());
    ASSERT_EQ(it->conda->kind, DefinedConda::Kind::inline_text);
    const auto read = conda::parse_environment_yaml(it->conda->value.text, "env.yml", "linux-64");
    ASSERT_THAT(read, Succeeds());
    ASSERT_EQ(read->specifications.size(), 1U);
    EXPECT_EQ(read->specifications[0].text, "python=3.11");
    EXPECT_EQ(read->specifications[0].span.line, 5U);
    EXPECT_EQ(read->specifications[0].span.column, 7U);
    EXPECT_EQ(read->pip[0].text, "requests");
}

TEST(Definition, HasAnInlineSpecificationHoweverItIsWritten) {
    const std::vector<std::string> texts = {
        "{name: a, image: b, conda_file: {dependencies: [python=3.11, {pip: [a]}]}, version: 1}",
        "name: a\nimage: b\ndescription: &d python=3.11\nconda_file:\n  dependencies:\n    - *d\n"
        "    - pip: [a]\n",
        "name: a\nimage: b\nconda_file: {dependencies: [\"python=3.11\",\n {pip: [\na]}]}\n"
        "version: 1\n",
        R"({"name":"a","image":"b","conda_file":{"dependencies":["python=3.11",{"pip":["a"]}]}})",
    };
    for (const std::string& text : texts) {
        SCOPED_TRACE(text);
        const auto it = parse(text);
        ASSERT_THAT(it, Succeeds());
        const auto read = conda::parse_environment_yaml(it->conda->value.text, "e", "linux-64");
        ASSERT_THAT(read, Succeeds());
        EXPECT_EQ(read->specifications.at(0).text, "python=3.11");
        EXPECT_EQ(read->pip.at(0).text, "a");
    }
}

struct Refused {
    std::string text;
    Code code;
    std::string message;
    std::uint32_t line;
    std::string hint;
};

const std::vector<Refused> k_refused = {
    {"", Code::invalid_input, "the definition is empty", 1, "image or build"},
    {"- a\n", Code::invalid_input, "an environment is a list", 1, ""},
    {"name: a\niamge: b\n", Code::invalid_input, "no key \"iamge\"", 2, "did you mean image?"},
    {"name: a\nimage: b\nconda_fle: c\n", Code::invalid_input, "conda_fle", 3, "conda_file"},
    {"name: a\nimage: b\nsecrets: c\n", Code::invalid_input, "secrets", 3, "its keys are"},
    {"name: a\nbuild: {path: ., dockerfile: D}\n",
     Code::invalid_input,
     "build has no key \"dockerfile\"",
     2,
     "dockerfile_path"},
    {"name: a\nimage: b\nbuild: {path: .}\n",
     Code::invalid_input,
     "both image and build",
     3,
     "FROM"},
    {"name: a\nversion: 1\n", Code::invalid_input, "neither image nor build", 1, ""},
    {"name: a\nconda_file: e.yml\n",
     Code::invalid_input,
     "conda_file stands without a base",
     2,
     "image: REF"},
    {"name: a\nlock: e.lock\n", Code::invalid_input, "lock stands without a base", 2, "image"},
    {"name: a\nimage: b\nconda_file: e\nlock: l\n",
     Code::invalid_input,
     "both conda_file and lock",
     4,
     "keep one"},
    {"name: a\nimage: b\nos_type: windows\n", Code::unsupported, "Windows", 3, "linux"},
    {"name: a\nimage: b\nos_type: beos\n", Code::invalid_input, "beos", 3, "linux"},
    {"image: b\n", Code::invalid_input, "no name", 1, "--anonymous"},
    {"name: a b\nimage: b\n", Code::invalid_input, "\"a b\"", 1, "letters, digits"},
    {"name: ..\nimage: b\n", Code::invalid_input, "\"..\"", 1, ""},
    {"name: " + std::string(256, 'a') + "\nimage: b\n", Code::too_large, "256", 1, ""},
    {"name: a\nversion: 1/2\nimage: b\n", Code::invalid_input, "1/2", 2, "letters"},
    {"name: a\nversion: [1]\nimage: b\n", Code::invalid_input, "a list", 2, ""},
    {"name: AzureML-torch\nimage: b\n", Code::permission, "reserved", 1, "another name"},
    {"name: microsoftish\nimage: b\n", Code::permission, "reserved", 1, "another name"},
    {"name: a\nname: b\nimage: b\n", Code::invalid_input, "name", 2, ""},
    {"name: a\nimage: B:1\n", Code::invalid_input, "", 2, ""},
    {"name: a\nimage: [b]\n", Code::invalid_input, "image is a list", 2, ""},
    {"name: a\nimage: b\ntags: x\n", Code::invalid_input, "tags is a text, not a mapping", 3, ""},
    {"name: a\nimage: b\ntags: {x: [1]}\n", Code::invalid_input, "x of tags is a list", 3, ""},
    {"name: a\nbuild: .\n", Code::invalid_input, "build is a text", 2, ""},
    {"name: a\nbuild: {dockerfile_path: D}\n", Code::invalid_input, "build has no path", 2, ""},
    {"name: a\nbuild: {path: ., dockerfile_path: ../D}\n", Code::invalid_input, "upwards", 2, ""},
    {"name: a\nbuild: {path: ., dockerfile_path: /D}\n", Code::invalid_input, "/D", 2, "within"},
    {"name: a\nimage: b\nconda_file: [e]\n", Code::invalid_input, "conda_file is a list", 3, ""},
    {"name: a\nimage: b\nactivate: maybe\n",
     Code::invalid_input,
     "activate is \"maybe\"",
     3,
     "activate.d"},
    {"name: a\nimage: b\nlink_scripts: [A B]\n",
     Code::invalid_input,
     "\"A B\" is no name of a package",
     3,
     "deny, allow"},
    {"name: a\nimage: b\nlink_scripts: {a: b}\n",
     Code::invalid_input,
     "link_scripts is a mapping",
     3,
     ""},
    {"name: a\nimage: b\nprefix: opt\n",
     Code::invalid_input,
     "\"opt\" is no prefix",
     3,
     "absolute"},
    {"name: a\nimage: b\nprefix: /\n", Code::invalid_input, "root of the image", 3, "/opt/env"},
    {"name: a\nimage: b\nprefix: /a/../b\n", Code::invalid_input, "upwards", 3, ""},
    {"name: a\nimage: b\nplatform: linux/foo\n",
     Code::invalid_input,
     "foo is no architecture",
     3,
     "linux/s390x"},
    {"name: a\nimage: b\nplatform: win-64\n", Code::unsupported, "win-64", 3, "linux/amd64"},
    {"name: a\nimage: b\nplatform: windows/amd64\n", Code::unsupported, "windows", 3, ""},
    {"name: a\nimage: b\nauto_rebuild: always\n",
     Code::invalid_input,
     "auto_rebuild is \"always\"",
     3,
     "on_base_image_update"},
    {"name: a\nimage: b\ninference_config:\n  liveness_rute: {path: /a, port: 1}\n",
     Code::invalid_input,
     "liveness_rute",
     4,
     "liveness_route"},
    {"name: a\nimage: b\ninference_config:\n  scoring_route: {path: /a}\n",
     Code::invalid_input,
     "a route has no port",
     4,
     ""},
    {"name: a\nimage: b\ninference_config:\n  scoring_route: {path: /a, port: 70000}\n",
     Code::invalid_input,
     "70000 is no port",
     4,
     "65535"},
    {"name: a\nimage: b\ninference_config:\n  scoring_route: {path: a, port: 1}\n",
     Code::invalid_input,
     "\"a\" is no path",
     4,
     "'/'"},
    {"name: a\nimage: [b\n", Code::invalid_input, "", 3, ""},
    {"name: a\nimage: b\ndescription: " + std::string(70'000, 'x') + "\n",
     Code::too_large,
     "the description",
     3,
     ""},
};

TEST(Definition, IsRefusedWithASentenceALineAndAHint) {
    for (const Refused& row : k_refused) {
        SCOPED_TRACE(row.text.substr(0, 100));
        const auto it = parse(row.text);
        ASSERT_THAT(it, FailsSaying(row.code, row.message));
        ASSERT_TRUE(it.error().where.has_value());
        EXPECT_EQ(it.error().where->file, "env.yml");
        EXPECT_EQ(it.error().where->line, row.line);
        EXPECT_THAT(it.error().hint, HasSubstr(row.hint));
    }
}

TEST(Definition, NeedsNoNameWhereItIsAnonymousButThenHasNoVersion) {
    const DefinitionRules anonymous{.name = DefinitionRules::Name::optional};

    EXPECT_THAT(parse_definition("image: b\n", "env.yml", anonymous), Succeeds());
    EXPECT_THAT(
        parse_definition("image: b\nversion: 1\n", "env.yml", anonymous),
        FailsSaying(Code::invalid_input, "a version and no name")
    );
}

TEST(Definition, MayBearAReservedNameWhereItIsCurated) {
    const DefinitionRules curated{.reserved = DefinitionRules::Reserved::allowed};

    EXPECT_THAT(parse_definition("name: AzureML-a\nimage: b\n", "env.yml", curated), Succeeds());
}

TEST(Definition, IsWrittenInTheOrderOfTheDocumentation) {
    const auto it = parse(
        "auto_rebuild: on_base_image_update\nconda_file: {dependencies: [python=3.11, 'a >=1'],"
        " channels: [forge]}\nplatform: linux/arm64\nimage: base:1\nprefix: /opt/x\n"
        "tags: {b: 'yes', a: \"two\\nlines\"}\nversion: 3\nname: train\n"
        "inference_config: {scoring_route: {port: 80, path: /s}}\nos_type: linux\n"
    );

    ASSERT_THAT(it, Succeeds());
    EXPECT_EQ(render_definition(*it), R"(name: train
version: 3
tags:
  a: "two\nlines"
  b: "yes"
image: base:1
conda_file:
  dependencies:
    - python=3.11
    - "a >=1"
  channels:
    - forge
platform: linux/arm64
prefix: /opt/x
inference_config:
  scoring_route:
    path: /s
    port: 80
auto_rebuild: on_base_image_update
)");
}

/// A definition with this inline specification, read and written again.
std::string rewritten(const std::string& specification) {
    const auto it = parse("name: a\nimage: b\nconda_file:\n" + specification);
    EXPECT_THAT(it, Succeeds());
    return it ? render_definition(*it) : std::string();
}

TEST(Definition, KeepsTheSelectorsOfAnInlineSpecificationWhenItIsWritten) {
    const std::string text =
        rewritten("    dependencies:\n      - python\n      - pywin32  # [win]\n");

    EXPECT_THAT(text, HasSubstr("  dependencies:\n    - python\n"));
    EXPECT_THAT(text, HasSubstr("    - pywin32  # [win]\n"));
}

TEST(Definition, KeepsTheEmptyLinesOfAnInlineSpecificationWithSelectors) {
    const std::string text = rewritten(
        "    dependencies:\n      - pywin32  # [win]\n"
        "      - >\n        python\n\n          \n        >=3\n"
    );

    EXPECT_THAT(text, HasSubstr("      python\n\n        \n      >=3\n"));
}

}  // namespace
}  // namespace kiln::daemon
