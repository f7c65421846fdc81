#include "layers/conda/installed/declared_variables.hpp"

#include "tests/layers/conda/installed/installed_image.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::conda {
namespace {

using ::kiln::testing::InstalledImage;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

DeclaredVariables declared(const std::vector<std::pair<std::string, std::string>>& files) {
    InstalledImage image;
    image.add_files(files);
    auto read = read_declared_variables(image.tree(), "/opt/env", image.read());
    EXPECT_THAT(read, Succeeds());
    return std::move(*read);
}

TEST(DeclaredVariables, ALaterFileGoesBeforeAnEarlierAndStateBeforeAll) {
    const DeclaredVariables read = declared(
        {{"opt/env/etc/conda/env_vars.d/a.json", R"({"A": "a", "B": "a", "C": "a"})"},
         {"opt/env/etc/conda/env_vars.d/b.json", R"({"B": "b", "C": "b", "D": "b"})"},
         {"opt/env/etc/conda/env_vars.d/notes.txt", R"({"E": "e"})"},
         {"opt/env/conda-meta/state",
          R"({"version": 1, "env_vars": {"C": "state", "D": "***unset***"}})"}}
    );

    EXPECT_THAT(read.variables, ElementsAre(Pair("A", "a"), Pair("B", "b"), Pair("C", "state")));
    EXPECT_THAT(read.warnings, IsEmpty());
}

TEST(DeclaredVariables, WhatIsNoVariableIsToldByItsFile) {
    const DeclaredVariables read = declared(
        {{"opt/env/etc/conda/env_vars.d/a.json", R"({"1A": "a", "OK": "1", "N": 5})"},
         {"opt/env/etc/conda/env_vars.d/b.json", "{"},
         {"opt/env/etc/conda/env_vars.d/c.json", "[]"},
         {"opt/env/conda-meta/state", R"({"env_vars": null})"}}
    );

    EXPECT_THAT(read.variables, ElementsAre(Pair("OK", "1")));
    EXPECT_THAT(
        read.warnings,
        ElementsAre(
            HasSubstr("a.json: 1A is left out"),
            HasSubstr("a.json: N is left out"),
            HasSubstr("/opt/env/etc/conda/env_vars.d/b.json are left out"),
            HasSubstr("c.json are left out: it is no object")
        )
    );
}

TEST(DeclaredVariables, ScriptsAreThoseOfActivateInTheOrderOfTheirNames) {
    InstalledImage image;
    image.add_files(
        {{"opt/env/etc/conda/activate.d/b.sh", ""},
         {"opt/env/etc/conda/activate.d/a.sh", ""},
         {"opt/env/etc/conda/activate.d/a.fish", ""},
         {"opt/env/etc/conda/deactivate.d/a.sh", ""}}
    );

    EXPECT_THAT(
        activation_scripts(image.tree(), "/opt/env"),
        ElementsAre("/opt/env/etc/conda/activate.d/a.sh", "/opt/env/etc/conda/activate.d/b.sh")
    );
    EXPECT_THAT(activation_scripts(image.tree(), "/opt/other"), IsEmpty());
    EXPECT_THAT(declared({{"a", ""}}), DeclaredVariables());
}

}  // namespace
}  // namespace kiln::conda
