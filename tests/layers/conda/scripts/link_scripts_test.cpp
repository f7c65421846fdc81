#include "layers/conda/scripts/link_scripts.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

EnvironmentPackage scripted_package(
    std::string name, const std::vector<std::string>& paths, std::vector<std::string> depends = {}
) {
    EnvironmentPackage package;
    package.file_name = name + "-1.0-0.conda";
    package.metadata.name = std::move(name);
    package.metadata.version = "1.0";
    package.metadata.build = "0";
    package.metadata.depends = std::move(depends);
    package.metadata.index["build_number"] = 7;
    std::vector<ManifestPath> manifest;
    for (const std::string& path : paths) {
        manifest.emplace_back().path = path;
    }
    package.metadata.paths = ManifestPaths(std::move(manifest));
    return package;
}

EnvironmentPlan scripted_plan(std::vector<EnvironmentPackage> packages) {
    auto planned = plan_environment(std::move(packages), {.prefix = "/opt/env"});
    EXPECT_THAT(planned, Succeeds());
    return std::move(*planned);
}

LinkScriptPolicy policy(std::string_view text) {
    const auto parsed = LinkScriptPolicy::parse(text);
    EXPECT_THAT(parsed, Succeeds()) << text;
    return *parsed;
}

TEST(LinkScriptPolicy, DeniesUnlessTold) {
    EXPECT_FALSE(LinkScriptPolicy().allows("perl"));
    EXPECT_FALSE(policy("deny").allows("perl"));
    EXPECT_TRUE(policy("allow").allows("perl"));
    EXPECT_TRUE(policy("r-base,perl").allows("perl"));
    EXPECT_FALSE(policy("r-base,perl").allows("per"));
}

TEST(LinkScriptPolicy, RendersWhatItParses) {
    for (const std::string text :
         {"deny", "allow", "perl", "perl,r-base", "ask-list", "ask-list,perl,r-base"}) {
        EXPECT_EQ(policy(text).render(), text);
    }
    EXPECT_EQ(policy("r-base,perl,perl").render(), "perl,r-base");
}

TEST(LinkScriptPolicy, RefusesWhatIsNoPackageName) {
    for (const std::string text :
         {"",
          ",",
          "perl,",
          "Perl",
          "a b",
          "../x",
          "deny,perl",
          "perl,allow",
          "perl,ask-list",
          "ask-list,"}) {
        EXPECT_THAT(LinkScriptPolicy::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(LinkScripts, AreToldAndNotRunByDefault) {
    const auto scripts = plan_link_scripts(
        scripted_plan({scripted_package("a", {"bin/.a-post-link.sh", "bin/.other-post-link.sh"})}),
        {},
        "/bin"
    );
    EXPECT_THAT(scripts.runs, IsEmpty());
    EXPECT_THAT(
        scripts.warnings,
        ElementsAre(
            "the post-link script of a-1.0-0 is not run; --link-scripts=a runs it, and so does "
            "link_scripts in a definition"
        )
    );
    EXPECT_THAT(scripts.key(), IsEmpty());
}

TEST(LinkScripts, RunInLinkOrderWithWhatCep34PutsIntoTheirEnvironment) {
    const EnvironmentPlan planned = scripted_plan(
        {scripted_package("a", {"bin/.a-post-link.sh", "bin/.a-pre-link.sh"}, {"z"}),
         scripted_package("z", {"bin/.z-post-link.sh"}),
         scripted_package("none", {})}
    );

    const auto scripts = plan_link_scripts(planned, policy("allow"), "/usr/bin:/bin");

    EXPECT_THAT(scripts.warnings, IsEmpty());
    EXPECT_EQ(scripts.messages_file, "/opt/env/.messages.txt");
    ASSERT_EQ(scripts.runs.size(), 3U);
    EXPECT_THAT(
        scripts.runs[0].arguments, ElementsAre("bash", "-x", "/opt/env/bin/.a-pre-link.sh")
    );
    EXPECT_THAT(
        scripts.runs[1].arguments,
        ElementsAre("bash", "-c", ". \"$0\"", "/opt/env/bin/.z-post-link.sh")
    );
    EXPECT_EQ(scripts.runs[2].arguments.back(), "/opt/env/bin/.a-post-link.sh");
    EXPECT_EQ(scripts.runs[1].working_directory, "/opt/env/bin");
    EXPECT_THAT(
        scripts.runs[1].environment,
        ElementsAre(
            Pair("CONDA_DEFAULT_ENV", "/opt/env"),
            Pair("CONDA_PREFIX", "/opt/env"),
            Pair("CONDA_SHLVL", "1"),
            Pair("PATH", "/opt/env/bin:/usr/bin:/bin"),
            Pair("PKG_BUILDNUM", "7"),
            Pair("PKG_NAME", "z"),
            Pair("PKG_VERSION", "1.0"),
            Pair("PREFIX", "/opt/env"),
            Pair("ROOT_PREFIX", ""),
            Pair("SOURCE_DIR", "/opt/env")
        )
    );
    EXPECT_NE(scripts.key(), plan_link_scripts(planned, policy("allow"), "/bin").key());
}

TEST(LinkScripts, AnAllowListRunsWhatItNames) {
    const EnvironmentPlan planned = scripted_plan(
        {scripted_package("a", {"bin/.a-post-link.sh"}),
         scripted_package("b", {"bin/.b-post-link.sh"})}
    );

    const auto scripts = plan_link_scripts(planned, policy("b"), "");

    ASSERT_EQ(scripts.runs.size(), 1U);
    EXPECT_EQ(planned.packages[scripts.runs[0].package].package.metadata.name, "b");
    EXPECT_THAT(
        scripts.warnings,
        ElementsAre(
            "the post-link script of a-1.0-0 is not run; --link-scripts=a,b runs it, and so does "
            "link_scripts in a definition"
        )
    );
    EXPECT_THAT(check_answers(scripts, policy("b")), Succeeds());
}

TEST(LinkScripts, AreAskedAboutWithAListThatAnswers) {
    const EnvironmentPlan planned = scripted_plan(
        {scripted_package("a", {"bin/.a-post-link.sh", "bin/.a-pre-link.sh"}),
         scripted_package("b", {"bin/.b-post-link.sh"}),
         scripted_package("c", {"bin/.c-post-link.sh"})}
    );
    const auto asked = [&planned](const std::string& text) {
        return check_answers(plan_link_scripts(planned, policy(text), ""), policy(text));
    };

    EXPECT_THAT(asked("ask-list,c"), FailsSaying(Code::invalid_input, "of a, b may run"));
    EXPECT_THAT(
        asked("ask-list,c").error().hint, HasSubstr("--link-scripts=ask-list,a,b,c lets them")
    );
    EXPECT_THAT(asked("ask-list,a,b,c"), Succeeds());
    EXPECT_THAT(asked("deny"), Succeeds());
    EXPECT_THAT(
        plan_link_scripts(planned, {}, "").warnings.back(),
        HasSubstr("is not run; --link-scripts=a,b,c runs all of them, and so does link_scripts")
    );
}

TEST(LinkScripts, AScriptThatAnotherPackageTookIsNotRun) {
    const auto scripts = plan_link_scripts(
        scripted_plan(
            {scripted_package("a", {"bin/.a-post-link.sh"}),
             scripted_package("b", {"bin/.a-post-link.sh"}, {"a"})}
        ),
        policy("allow"),
        ""
    );
    EXPECT_THAT(scripts.runs, IsEmpty());
}

/// A prefix on the host's disk with these scripts, and what sh makes of the driver.
struct Driven {
    testing::TempDirectory directory;
    std::optional<testing::ProgramResult> ran;

    explicit Driven(const std::map<std::string, std::string>& scripts) {
        std::vector<EnvironmentPackage> packages;
        for (const auto& [name, text] : scripts) {
            const std::string path = "bin/." + name + "-post-link.sh";
            directory.write(path, text);
            packages.push_back(scripted_package(name, {path}));
        }
        auto planned = plan_environment(std::move(packages), {.prefix = directory.path()});
        EXPECT_THAT(planned, Succeeds());
        const auto scripts_of = plan_link_scripts(*planned, policy("allow"), "/usr/bin:/bin");
        ran = testing::run_program({"/bin/sh", "-c", scripts_of.driver()});
    }
};

TEST(LinkScriptDriver, RunsThemOneAfterTheOtherAndShowsWhatTheyTell) {
    const Driven driven(
        {{"z", "pwd > $PREFIX/where; echo $PKG_NAME $PKG_BUILDNUM >> $PREFIX/.messages.txt; X=1"},
         {"a", "echo \"$PKG_NAME $X ${PATH%%:*}\" >> $PREFIX/.messages.txt"}}
    );
    ASSERT_TRUE(driven.ran);
    EXPECT_EQ(driven.ran->exit_code, 0) << driven.ran->output;
    const std::string bin = driven.directory.path("bin");
    EXPECT_THAT(driven.ran->output, HasSubstr("z 7\na  " + bin + "\n"));
    EXPECT_EQ(driven.directory.read("where"), bin + "\n");
    EXPECT_FALSE(std::filesystem::exists(driven.directory.path(".messages.txt")));
}

TEST(LinkScriptDriver, EndsWithTheFirstFailureAndNamesIt) {
    const Driven driven({{"z", "exit 3"}, {"a", "touch $PREFIX/never"}});
    ASSERT_TRUE(driven.ran);
    EXPECT_EQ(driven.ran->exit_code, 3);
    EXPECT_THAT(driven.ran->output, HasSubstr("the post-link script of z-1.0-0 ended with 3"));
    EXPECT_FALSE(std::filesystem::exists(driven.directory.path("never")));
}

TEST(LinkScriptDriver, WithoutScriptsIsEmpty) {
    EXPECT_EQ(
        plan_link_scripts(scripted_plan({scripted_package("a", {})}), policy("allow"), "").driver(),
        ""
    );
}

}  // namespace
}  // namespace kiln::conda
