#include "layers/conda/conda_meta.hpp"

#include "layers/conda/scripts/compile_pyc.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"
#include "tests/support/conda_layers.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::build_environment;
using ::kiln::testing::build_meta_layer;
using ::kiln::testing::BuiltEnvironment;
using ::kiln::testing::entries_of;
using ::kiln::testing::file_of;
using ::kiln::testing::open_package;
using ::kiln::testing::OpenPackage;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string k_place(80, 'p');

BuiltEnvironment environment(const std::string& url) {
    PackageMaker python("python", "3.11.4");
    PackageMaker hello("hello");
    hello.noarch("python")
        .depends("python >=3.8")
        .entry_point("hello = hello:main")
        .file("site-packages/hello.py", "# " + k_place, {k_place})
        .symlink("share/link", "x");
    std::vector<OpenPackage> packages;
    for (const PackageMaker& maker : {python, hello}) {
        auto package = open_package(file_of(maker.conda()), maker.dist() + ".conda");
        EXPECT_THAT(package, Succeeds());
        package->described.url = url.empty() ? "" : url + maker.dist() + ".conda";
        packages.push_back(std::move(*package));
    }
    auto built = build_environment(std::move(packages), "/opt/env");
    EXPECT_THAT(built, Succeeds());
    return std::move(*built);
}

std::string record_of(const BuiltEnvironment& built, std::size_t index) {
    return render_conda_meta(built.plan.packages[index], "/opt/env", *built.layers[index].table)
        .text;
}

TEST(CondaMeta, DescribesWhatIsInstalled) {
    const BuiltEnvironment built = environment("");

    const auto record = json::parse(record_of(built, 1), "the record");

    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(record->at("name"), "hello");
    EXPECT_EQ(record->at("noarch"), "python");
    EXPECT_EQ(record->at("url"), "");
    EXPECT_EQ(record->at("channel"), "");
    EXPECT_EQ(record->at("fn"), "hello-1.0-0.conda");
    EXPECT_EQ(
        json::render(record->at("files")),
        R"(["bin/hello","lib/python3.11/site-packages/hello.py","share/link"])"
    );
    const auto& paths = record->at("paths_data").at("paths").as_array();
    EXPECT_EQ(paths.at(0).at("path_type"), "unix_python_entry_point");
    EXPECT_EQ(paths.at(1).at("sha256").as_string(), digest_of("# " + k_place).hex());
    EXPECT_EQ(paths.at(1).at("sha256_in_prefix").as_string(), digest_of("# /opt/env").hex());
    EXPECT_EQ(paths.at(2).at("path_type"), "softlink");
}

TEST(CondaMeta, AManifestThatLiesIsFoundOut) {
    BuiltEnvironment built = environment("");
    PlannedPackage& hello = built.plan.packages[1];
    const auto unlike = [&] {
        return render_conda_meta(hello, "/opt/env", *built.layers[1].table).unlike_manifest;
    };
    EXPECT_THAT(unlike(), IsEmpty());

    std::vector<ManifestPath> paths(
        hello.package.metadata.paths.begin(), hello.package.metadata.paths.end()
    );
    for (ManifestPath& path : paths) {
        path.sha256 = digest_of("something else").hex();
    }
    hello.package.metadata.paths = ManifestPaths(paths);
    EXPECT_THAT(unlike(), IsEmpty());  // its prefix was replaced
    for (ManifestPath& path : paths) {
        path.placeholder.clear();
    }
    hello.package.metadata.paths = ManifestPaths(paths);

    EXPECT_THAT(unlike(), ElementsAre("lib/python3.11/site-packages/hello.py"));
}

TEST(CondaMeta, NamesWhatIsCompiledOfThePackage) {  // cep-32, files
    BuiltEnvironment built = environment("");
    const auto plain = built.plan.record_key(built.plan.packages[1]);
    const std::string compiled = "lib/python3.11/site-packages/__pycache__/hello.cpython-311.pyc";

    ASSERT_TRUE(plan_compile_pyc(built.plan));

    const auto record = json::parse(record_of(built, 1), "the record");
    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(record->at("files").as_array().back().as_string(), compiled);
    EXPECT_EQ(
        json::render(record->at("paths_data").at("paths").as_array().back()),
        R"({"_path":")" + compiled + R"(","path_type":"pyc_file"})"
    );
    EXPECT_NE(built.plan.record_key(built.plan.packages[1]), plain);
}

TEST(CondaMeta, KeysAreSortedAndNothingOfThisMachineIsInIt) {
    const std::string text = record_of(environment(""), 1);
    std::string last;
    const auto record = json::parse(text, "the record");
    ASSERT_THAT(record, Succeeds());
    for (const auto& [key, value] : record->as_object()) {
        EXPECT_LT(last, std::string(key));
        last = std::string(key);
    }
    EXPECT_TRUE(text.ends_with("}\n"));
    EXPECT_THAT(text, Not(HasSubstr("file://")));
}

TEST(CondaMeta, UrlsLoseTheirSecretsAndChannelsTheirSubdir) {
    const BuiltEnvironment built = environment("https://u:pw@conda.example/t/tok/main/noarch/");
    const auto record = json::parse(record_of(built, 1), "the record");
    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(record->at("url"), "https://conda.example/main/noarch/hello-1.0-0.conda");
    EXPECT_EQ(record->at("channel"), "https://conda.example/main");
}

TEST(CondaMeta, IsOneSmallLayerWithAnEmptyHistory) {
    const BuiltEnvironment built = environment("");

    const auto layer = build_meta_layer(built);

    ASSERT_THAT(layer, Succeeds());
    const auto entries = entries_of(*layer);
    EXPECT_EQ(entries.size(), 5U);
    EXPECT_EQ(entries.at("opt/env/conda-meta/history").content, "");
    EXPECT_EQ(entries.at("opt/env/conda-meta/hello-1.0-0.json").content, record_of(built, 1));
    EXPECT_TRUE(entries.contains("opt/env/conda-meta/python-3.11.4-0.json"));
    const auto again = build_meta_layer(environment(""));
    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->built.layer.diff_id, layer->built.layer.diff_id);
}

TEST(CondaMeta, HoldsTheVariablesOfTheEnvironmentAndWhyItIsFrozen) {
    BuiltEnvironment built = environment("");
    built.plan.variables = {{"B", "2"}, {"A", "1"}};
    built.plan.frozen = "made by kiln";

    const auto layer = build_meta_layer(built);

    ASSERT_THAT(layer, Succeeds());
    const auto entries = entries_of(*layer);
    EXPECT_EQ(
        entries.at("opt/env/conda-meta/state").content,
        "{\n  \"env_vars\": {\n    \"A\": \"1\",\n    \"B\": \"2\"\n  }\n}\n"
    );
    EXPECT_EQ(
        entries.at("opt/env/conda-meta/frozen").content, "{\n  \"message\": \"made by kiln\"\n}\n"
    );
    EXPECT_NE(built.plan.head_key(), environment("").plan.head_key());
    built.plan.frozen = "";
    const auto silent = build_meta_layer(built);
    ASSERT_THAT(silent, Succeeds());
    EXPECT_EQ(entries_of(*silent).at("opt/env/conda-meta/frozen").content, "");
}

TEST(CondaMeta, SaysWhatTheUserAskedFor) {
    BuiltEnvironment built = environment("");
    built.plan.packages[1].package.requested_specs = {"hello >=1"};
    const auto record = json::parse(record_of(built, 1), "the record");
    ASSERT_THAT(record, Succeeds());
    EXPECT_EQ(json::render(record->at("requested_specs")), R"(["hello >=1"])");
}

}  // namespace
}  // namespace kiln::conda
