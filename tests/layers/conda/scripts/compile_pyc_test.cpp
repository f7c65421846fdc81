#include "layers/conda/scripts/compile_pyc.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;

EnvironmentPackage python_package(
    std::string name, std::string version, Noarch noarch, const std::vector<std::string>& paths
) {
    EnvironmentPackage package;
    package.file_name = name + ".conda";
    package.metadata.name = std::move(name);
    package.metadata.version = std::move(version);
    package.metadata.build = "0";
    package.metadata.noarch = noarch;
    std::vector<ManifestPath> manifest;
    for (const std::string& path : paths) {
        manifest.emplace_back().path = path;
    }
    package.metadata.paths = ManifestPaths(std::move(manifest));
    return package;
}

std::optional<CompilePlan> compile(std::vector<EnvironmentPackage> packages) {
    auto plan = plan_environment(std::move(packages), {.prefix = "/opt/env"});
    EXPECT_THAT(plan, Succeeds());
    return plan_compile_pyc(*plan);
}

TEST(CompilePyc, PathsAreThoseOfPython) {
    EXPECT_EQ(compiled_path("a/b.py", "3.11"), "a/__pycache__/b.cpython-311.pyc");
    EXPECT_EQ(compiled_path("b.py", "3.8"), "__pycache__/b.cpython-38.pyc");
    EXPECT_EQ(compiled_path("a/b.py", "2.7"), "a/b.pyc");
}

TEST(CompilePyc, TakesTheSourcesOfNoarchPythonPackages) {
    const auto plan = compile(
        {python_package("python", "3.11.4", Noarch::no, {"lib/python3.11/os.py"}),
         python_package(
             "hello",
             "1",
             Noarch::python,
             {"python-scripts/x.py",
              "share/y.py",
              "site-packages/done/__pycache__/z.cpython-311.pyc",
              "site-packages/done/z.py",
              "site-packages/h.py",
              "site-packages/h.txt"}
         )}
    );

    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->list, "lib/python3.11/site-packages/h.py\n");
    EXPECT_THAT(
        plan->compiled, ElementsAre("lib/python3.11/site-packages/__pycache__/h.cpython-311.pyc")
    );
    EXPECT_THAT(
        plan->arguments,
        ElementsAre(
            "/opt/env/bin/python3.11",
            "-Wi",
            "-c",
            "import compileall; compileall.main()",
            "-q",
            "-l",
            "--invalidation-mode",
            "unchecked-hash",
            "-i",
            ".kiln-compile"
        )
    );
    EXPECT_EQ(plan->working_directory, "/opt/env");
    EXPECT_EQ(plan->list_path, "/opt/env/.kiln-compile");
}

TEST(CompilePyc, WithoutSuchSourcesThereIsNothingToDo) {
    EXPECT_FALSE(compile({python_package("python", "3.11.4", Noarch::no, {"lib/python3.11/os.py"})})
    );
    EXPECT_FALSE(compile({}));
}

TEST(CompilePyc, WhatAnotherPackageTookIsLeftOut) {
    auto later =
        python_package("later", "1", Noarch::generic, {"lib/python3.11/site-packages/h.py"});
    later.metadata.depends = {"hello"};
    EXPECT_FALSE(compile(
        {python_package("python", "3.11.4", Noarch::no, {}),
         python_package("hello", "1", Noarch::python, {"site-packages/h.py"}),
         later}
    ));
}

TEST(CompilePyc, TheKeyTellsWhatIsCompiled) {
    const auto python = python_package("python", "3.11.4", Noarch::no, {});
    const auto one =
        compile({python, python_package("h", "1", Noarch::python, {"site-packages/h.py"})});
    const auto two =
        compile({python, python_package("h", "1", Noarch::python, {"site-packages/i.py"})});
    ASSERT_TRUE(one && two);
    EXPECT_NE(one->key(), two->key());
}

}  // namespace
}  // namespace kiln::conda
