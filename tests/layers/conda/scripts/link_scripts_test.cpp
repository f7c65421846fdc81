#include "layers/conda/scripts/link_scripts.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

EnvironmentPackage package(
    std::string name, const std::vector<std::string>& paths, std::vector<std::string> depends = {}
) {
    EnvironmentPackage package;
    package.file_name = name + "-1.0-0.conda";
    package.metadata.name = std::move(name);
    package.metadata.version = "1.0";
    package.metadata.build = "0";
    package.metadata.depends = std::move(depends);
    package.metadata.index["build_number"] = 7;
    for (const std::string& path : paths) {
        ManifestPath each;
        each.path = path;
        package.metadata.paths.push_back(each);
    }
    return package;
}

EnvironmentPlan plan(std::vector<EnvironmentPackage> packages) {
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
    for (const std::string text : {"deny", "allow", "perl", "perl,r-base"}) {
        EXPECT_EQ(policy(text).render(), text);
    }
    EXPECT_EQ(policy("r-base,perl,perl").render(), "perl,r-base");
}

TEST(LinkScriptPolicy, RefusesWhatIsNoPackageName) {
    for (const std::string text : {"", ",", "perl,", "Perl", "a b", "../x"}) {
        EXPECT_THAT(LinkScriptPolicy::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(LinkScripts, AreToldAndNotRunByDefault) {
    const auto scripts = plan_link_scripts(
        plan({package("a", {"bin/.a-post-link.sh", "bin/.other-post-link.sh"})}), {}, "/bin"
    );
    EXPECT_THAT(scripts.runs, IsEmpty());
    EXPECT_THAT(
        scripts.warnings,
        ElementsAre("the post-link script of a-1.0-0 is not run; --link-scripts=a runs it")
    );
    EXPECT_THAT(scripts.key(), IsEmpty());
}

TEST(LinkScripts, RunInLinkOrderWithWhatCep34PutsIntoTheirEnvironment) {
    const EnvironmentPlan planned = plan(
        {package("a", {"bin/.a-post-link.sh", "bin/.a-pre-link.sh"}, {"z"}),
         package("z", {"bin/.z-post-link.sh"}),
         package("none", {})}
    );

    const auto scripts = plan_link_scripts(planned, policy("allow"), "/usr/bin:/bin");

    EXPECT_THAT(scripts.warnings, IsEmpty());
    EXPECT_EQ(scripts.messages_file, "/opt/env/.messages.txt");
    ASSERT_EQ(scripts.runs.size(), 3U);
    EXPECT_THAT(
        scripts.runs[0].arguments, ElementsAre("bash", "-x", "/opt/env/bin/.a-pre-link.sh")
    );
    EXPECT_THAT(
        scripts.runs[1].arguments, ElementsAre("bash", "-x", "/opt/env/bin/.z-post-link.sh")
    );
    EXPECT_THAT(
        scripts.runs[2].arguments, ElementsAre("bash", "-x", "/opt/env/bin/.a-post-link.sh")
    );
    EXPECT_EQ(scripts.runs[1].working_directory, "/opt/env/bin");
    EXPECT_THAT(
        scripts.runs[1].environment,
        ElementsAre(
            Pair("PATH", "/opt/env/bin:/usr/bin:/bin"),
            Pair("PKG_BUILDNUM", "7"),
            Pair("PKG_NAME", "z"),
            Pair("PKG_VERSION", "1.0"),
            Pair("PREFIX", "/opt/env"),
            Pair("ROOT_PREFIX", "/opt/env"),
            Pair("SOURCE_DIR", "/opt/env")
        )
    );
    EXPECT_NE(scripts.key(), plan_link_scripts(planned, policy("allow"), "/bin").key());
}

TEST(LinkScripts, AnAllowListRunsWhatItNames) {
    const EnvironmentPlan planned =
        plan({package("a", {"bin/.a-post-link.sh"}), package("b", {"bin/.b-post-link.sh"})});

    const auto scripts = plan_link_scripts(planned, policy("b"), "");

    ASSERT_EQ(scripts.runs.size(), 1U);
    EXPECT_EQ(planned.packages[scripts.runs[0].package].package.metadata.name, "b");
    EXPECT_THAT(scripts.warnings, ElementsAre(HasSubstr("a-1.0-0 is not run")));
}

TEST(LinkScripts, AScriptThatAnotherPackageTookIsNotRun) {
    const auto scripts = plan_link_scripts(
        plan({package("a", {"bin/.a-post-link.sh"}), package("b", {"bin/.a-post-link.sh"}, {"a"})}),
        policy("allow"),
        ""
    );
    EXPECT_THAT(scripts.runs, IsEmpty());
}

}  // namespace
}  // namespace kiln::conda
