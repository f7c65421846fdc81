#include "daemon/environments/difference.hpp"

#include "store/hasher.hpp"
#include "tests/daemon/environments/identity.hpp"
#include "tests/support/matchers.hpp"

#include <vector>

namespace kiln::daemon {
namespace {

using kiln::testing::digest_for;
using kiln::testing::FailsWith;
using kiln::testing::identify;
using kiln::testing::Succeeds;
using kiln::testing::Told;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> sentences(
    const Told& before, const Told& after, const std::string& base = {}
) {
    const auto left = identify(before);
    const auto right = identify(after);
    EXPECT_THAT(left, Succeeds());
    EXPECT_THAT(right, Succeeds());
    const auto found = explain_environments(
        {.record = left->text, .base_name = base}, {.record = right->text, .base_name = base}
    );
    EXPECT_THAT(found, Succeeds());
    std::vector<std::string> said;
    for (const EnvironmentDifference& each : *found) {
        said.push_back(each.sentence);
    }
    return said;
}

Told told_of(const std::string& dependencies) {
    return {.conda = "channels: [forge, main]\ndependencies: " + dependencies + "\n"};
}

Told told_from(std::map<std::string, std::string> context, const std::string& args) {
    return {
        .definition = "name: a\nbuild: {path: ., args: {" + args + "}}\n",
        .context = std::move(context)};
}

std::string short_of(std::string_view content) {
    return "sha256:" + digest_for(content).hex().substr(0, 12);
}

TEST(EnvironmentDifference, IsNothingBetweenEqualDefinitions) {
    EXPECT_THAT(sentences({}, {}), IsEmpty());
}

TEST(EnvironmentDifference, SaysFromWhereToWhereABaseMoved) {
    Told moved;
    moved.tags["base:1"] = "patched";

    EXPECT_THAT(
        sentences({}, moved, "base:1"),
        ElementsAre("base base:1 moved from " + short_of("first") + " to " + short_of("patched"))
    );
}

TEST(EnvironmentDifference, NamesDependenciesThatChangedCameAndWent) {
    EXPECT_THAT(
        sentences(told_of("[numpy=1.26.3, python, six]"), told_of("[numpy=1.26.4, python, scipy]")),
        ElementsAre(
            "dependency numpy=1.26.3 to numpy=1.26.4",
            "dependency scipy added",
            "dependency six removed"
        )
    );
}

TEST(EnvironmentDifference, TellsOrderFromContent) {
    EXPECT_THAT(
        sentences(told_of("[python, numpy]"), told_of("[numpy, python]")),
        ElementsAre("order of dependencies: python, numpy to numpy, python")
    );
    EXPECT_THAT(
        sentences(
            {.conda = "channels: [a, b]\ndependencies: [c]\n"},
            {.conda = "channels: [b, a, nodefaults]\ndependencies: [c]\n"}
        ),
        ElementsAre("order of channels: a, b to b, a", "default channels are left out")
    );
}

TEST(EnvironmentDifference, NamesPipLinesAndVariables) {
    EXPECT_THAT(
        sentences(
            {.conda = "dependencies: [pip, {pip: [a==1, 'b[x]>=2']}]\nvariables: {A: 1, B: 2}\n"},
            {.conda = "dependencies: [pip, {pip: [a==2, 'b[x]>=3']}]\nvariables: {A: 2, C: 3}\n"}
        ),
        ElementsAre(
            "pip a==1 to a==2",
            "pip b[x]>=2 to b[x]>=3",
            "variable A: 1 to 2",
            "variable B removed",
            "variable C added"
        )
    );
}

TEST(EnvironmentDifference, NamesDockerSteps) {
    Told before = told_from({{"Dockerfile", "FROM base:1\n"}, {"a", "1"}}, "N: 1");
    Told after = told_from({{"Dockerfile", "FROM base:1\nRUN x\n"}, {"a", "1"}}, "N: 2");
    after.tags["base:1"] = "patched";

    EXPECT_THAT(
        sentences(before, after),
        ElementsAre(
            "Dockerfile changed",
            "content of the build context changed",
            "build argument N: 1 to 2",
            "image base:1 of the Dockerfile moved from " + short_of("first") + " to "
                + short_of("patched")
        )
    );
    EXPECT_THAT(
        sentences(before, {}),
        ElementsAre(
            HasSubstr("base sha256:"),
            "Docker steps of Dockerfile removed",
            "conda specification added"
        )
    );
}

TEST(EnvironmentDifference, NamesPlatformAndPrefix) {
    EXPECT_THAT(
        sentences(
            {},
            {.definition = "name: a\nimage: base:1\nconda_file: e\nplatform: linux-aarch64\n"
                           "prefix: /opt/x\n"}
        ),
        ElementsAre("platform: linux/amd64 to linux/arm64", "prefix: /opt/env to /opt/x")
    );
}

conda::Lock lock(const std::vector<std::string>& dists) {
    conda::Lock lock;
    for (const std::string& dist : dists) {
        conda::LockEntry entry;
        entry.file_name = dist + ".conda";
        entry.sha256 = digest_for(dist).hex();
        lock.entries.push_back(std::move(entry));
    }
    return lock;
}

TEST(EnvironmentDifference, ComparesTheLocksPackageByPackage) {
    const auto record = identify({});
    const conda::Lock before = lock({"numpy-1.26.3-py_0", "six-1-0", "zlib-1.3-h1"});
    const conda::Lock after = lock({"numpy-1.26.4-py_0", "zlib-1.3-h2", "scipy-1.0-0"});

    const auto found = explain_environments(
        {.record = record->text, .lock = &before}, {.record = record->text, .lock = &after}
    );

    ASSERT_THAT(found, Succeeds());
    std::vector<std::string> said;
    for (const EnvironmentDifference& each : *found) {
        EXPECT_EQ(each.change, EnvironmentChange::package);
        said.push_back(each.sentence);
    }
    EXPECT_THAT(
        said,
        ElementsAre(
            "numpy 1.26.3 to 1.26.4",
            "scipy 1.0 0 added",
            "six 1 0 removed",
            "zlib 1.3 rebuilt: h1 to h2"
        )
    );
    EXPECT_EQ(found->front().before, "numpy 1.26.3 py_0");
    EXPECT_EQ(found->front().after, "numpy 1.26.4 py_0");
}

TEST(EnvironmentDifference, ShowsBothValuesOfAPartItDoesNotKnow) {
    const auto record = identify({});
    std::string future = record->text;
    future.insert(future.find(",\"lock\""), ",\"gpu\":\"cuda 12\"");

    const auto found = explain_environments({.record = record->text}, {.record = future});

    ASSERT_THAT(found, Succeeds());
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().change, EnvironmentChange::other);
    EXPECT_EQ(found->front().sentence, "gpu added");
    EXPECT_EQ(found->front().after, "\"cuda 12\"");
}

TEST(EnvironmentDifference, RefusesARecordThatIsNone) {
    const std::string record = identify({})->text;

    for (const std::string& bad :
         {std::string("{}"), std::string("x"), record + " ", record.substr(1)}) {
        EXPECT_THAT(
            explain_environments({.record = bad}, {.record = record}), FailsWith(Code::corrupt)
        );
    }
}

}  // namespace
}  // namespace kiln::daemon
