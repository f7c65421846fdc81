#include "layers/conda/scripts/activate.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsWith;
using ::kiln::testing::run_program;
using ::kiln::testing::Succeeds;
using ::kiln::testing::TempDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string list(const std::vector<std::string>& variables) {
    std::string text;
    for (const std::string& variable : variables) {
        text += variable + '\0';
    }
    return text + '\0';
}

TEST(ActivationScripts, AreToldByWhatIsNewOtherwiseOrGoneAfterThem) {
    const auto variables = read_activation(
        list({"A=1", "B=1", "PATH=/bin", "GONE=1", "PS1=$"})
        + list(
            {"A=1",
             "B=two\nlines",
             "C=",
             "SHLVL=2",
             "_=/bin/cat",
             "PWD=/x",
             "BASH_FUNC_f%%=() { :; }",
             "PATH=/opt/bin:/bin"}
        )
    );

    ASSERT_THAT(variables, Succeeds());
    EXPECT_THAT(
        variables->set,
        ElementsAre(Pair("B", "two\nlines"), Pair("C", ""), Pair("PATH", "/opt/bin:/bin"))
    );
    EXPECT_THAT(variables->unset, ElementsAre("GONE"));
}

TEST(ActivationScripts, WithoutAnEndHaveFailed) {
    for (const std::string& output :
         {std::string(), list({"A=1"}), list({"A=1"}) + "A=1", list({}) + list({}) + "x"}) {
        EXPECT_THAT(read_activation(output), FailsWith(Code::step_failed));
    }
}

/// What two scripts set when a shell of this host sources them.
TEST(ActivationScripts, AreSourcedInTheirOrderByAnyShell) {
    const TempDirectory directory;
    std::vector<std::string> scripts;
    for (const auto& [name, text] :
         {std::pair{"a b.sh", "export FIRST=1\necho noise\ncd /\nPATH=/nowhere\n"},
          std::pair{"it's.sh", "export SECOND=\"$FIRST and more\"\nfalse\n"}}) {
        scripts.push_back(directory.path() + "/" + name);
        std::ofstream(scripts.back()) << text;
    }
    const std::string out = directory.path() + "/out";
    for (const char* shell : {"sh", "bash", "dash"}) {
        const auto ran =
            run_program({shell, "-c", "exec >'" + out + "'\n" + activation_program(scripts)});
        if (!ran) {
            continue;  // not every host has all of them
        }
        std::ifstream in(out);
        const std::string text{std::istreambuf_iterator<char>(in), {}};

        const auto variables = read_activation(text);

        ASSERT_THAT(variables, Succeeds()) << shell;
        EXPECT_THAT(
            variables->set,
            ElementsAre(Pair("FIRST", "1"), Pair("PATH", "/nowhere"), Pair("SECOND", "1 and more"))
        ) << shell;
        EXPECT_THAT(ran->output, HasSubstr("noise"));
    }
}

}  // namespace
}  // namespace kiln::conda
