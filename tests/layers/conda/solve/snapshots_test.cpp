#include "layers/conda/channel/channel_source.hpp"
#include "layers/conda/solve/solve.hpp"
#include "tests/support/folder_channel.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/solving.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

/// rattler's own solver cases, as far as their channels are at hand. Of its errors the reason has
/// to be the same, not the words: ours are for whoever wrote the specifications.
namespace kiln::conda {
namespace {

namespace fs = std::filesystem;
using testing::dists;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::request;
using testing::solve;
using ::testing::UnorderedElementsAre;
using testing::virtual_package;

const fs::path k_conda = fs::path(KILN_SHARED_DIR) / "conda";
const fs::path k_channels = k_conda / "repodata/rattler-channels";

#define SKIP_WITHOUT_CHANNELS()                                       \
    if (!fs::exists(k_channels)) {                                    \
        GTEST_SKIP() << "needs rattler's channels in " << k_channels; \
    }

ChannelSource channel(const char* name) {
    ChannelSource source;
    testing::add_channel(source, k_channels / name);
    return source;
}

std::string refusal(const Request& asked, ChannelSource& source) {
    const auto solution = solve(asked, source);
    EXPECT_FALSE(solution.has_value());
    return solution ? "" : solution.error().message;
}

/// What is done with each snapshot. Those over conda-forge need its repodata of August 2022, which
/// is not at hand; libsolv_c is another engine, whose answers differ from resolvo's.
const std::map<std::string, std::string> k_treated = {
    {"exclude_newer_error", "LeavesOutWhatIsTooNew"},
    {"issue_717", "LeavesOutARecordWithABadConstraint"},
    {"panic_on_constraint", "RefusesWhatAPinForbids"},
    {"solve_dummy_repo_install_non_existent", "SaysThatNoChannelHasIt"},
    {"solve_locked", "a lock is a wish with us, not a demand: PrefersTheLockedVersion"},
    {"solve_with_error", "SaysWhichSpecificationsExcludeEachOther"},
    {"virtual_package_constrains", "HoldsAConstraintOnAVirtualPackage"},
    {"solve_python", "conda-forge of 2022"},
    {"solve_python_numpy", "conda-forge of 2022"},
    {"solve_quetz", "conda-forge of 2022"},
    {"solve_tensorboard", "conda-forge of 2022"},
    {"solve_tensorflow", "conda-forge of 2022"},
    {"solve_xtensor_xsimd", "conda-forge of 2022"},
    {"test_ordering_abess_highest", "conda-forge of 2022"},
    {"test_ordering_certifi_highest", "conda-forge of 2022"},
    {"test_ordering_libgcc-ng_highest", "conda-forge of 2022"},
    {"test_ordering_libuuid_highest", "conda-forge of 2022"},
    {"test_ordering_python_highest", "conda-forge of 2022"},
    {"test_ordering_pytorch_highest", "conda-forge of 2022"},
    {"test_ordering_pytorch_lowest", "the lowest versions are nothing that kiln asks for"},
    {"test_ordering_pytorch_lowest_direct", "the lowest versions are nothing that kiln asks for"},
};

TEST(Snapshots, AreAllTreated) {
    const fs::path folder = k_conda / "solver/snapshots";
    if (!fs::exists(folder)) {
        GTEST_SKIP() << "needs " << folder;
    }
    std::set<std::string> treated;
    for (const auto& entry : fs::directory_iterator(folder)) {
        std::string name = entry.path().stem().string();
        name.erase(0, name.rfind("__") + 2);
        treated.insert(name);
        EXPECT_TRUE(k_treated.contains(name)) << name;
    }
    EXPECT_EQ(treated.size(), k_treated.size());
}

TEST(Snapshots, SaysWhichSpecificationsExcludeEachOther) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy");

    const std::string message = refusal(request({"foobar >=2", "bors >=2"}), source);

    EXPECT_EQ(
        message,
        "foobar >=2 and bors >=2 exclude each other\n"
        "├─ foobar >=2: foobar 2.0 and 2.1 need bors <2.0, but you asked for bors >=2\n"
        "└─ bors >=2"
    );
}

TEST(Snapshots, SaysThatNoChannelHasIt) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy");

    EXPECT_EQ(
        refusal(request({"asdfasdf", "foo<4"}), source),
        "nothing matches asdfasdf: no channel has asdfasdf"
    );
}

TEST(Snapshots, LeavesOutWhatIsTooNew) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy");
    Request before = request({"foo>=4"});
    before.not_after_ms = 1'639'311'132'000;  // 2021-12-12 12:12:12

    EXPECT_THAT(refusal(before, source), HasSubstr("foo 4.0.2 is newer than"));
}

TEST(Snapshots, LeavesOutARecordWithABadConstraint) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy");

    EXPECT_THAT(
        refusal(request({"issue_717"}), source),
        HasSubstr("issue_717 2.1 cannot be read: \"ray[default,data] >=2.9.0,<3.0.0\"")
    );
}

TEST(Snapshots, RefusesWhatAPinForbids) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy");
    Request pinned = request({"xbar"});
    pinned.pins = testing::requested({"xfoo==1"});

    EXPECT_EQ(
        refusal(pinned, source),
        "xbar cannot be installed\n"
        "└─ xbar 1 needs xfoo >=2\n"
        "   └─ xfoo 2 is against the pin xfoo==1"
    );
}

TEST(Snapshots, PrefersTheLockedVersion) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy");
    Request locked = request({"bors"});
    locked.favored = {testing::record("bors 1.0 bla_1")};

    EXPECT_THAT(dists(solve(locked, source)), ElementsAre("bors-1.0-bla_1"));
    locked.specs = testing::requested({"bors >=2"});
    EXPECT_THAT(dists(solve(locked, source)), ElementsAre("bors-2.1-bla_1"));
}

TEST(Snapshots, HoldsAConstraintOnAVirtualPackage) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy");
    Request with_cuda = request({"cuda-version"});
    with_cuda.virtual_packages = {virtual_package("__cuda", "1")};

    EXPECT_EQ(
        refusal(with_cuda, source),
        "cuda-version cannot be installed\n"
        "└─ cuda-version 12.5 goes only with __cuda >=12.1, but the base has 1"
    );
}

TEST(Snapshots, AppliesConditionalDependencies) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("conditional-repodata");
    Request linux_target = request({"package"});
    linux_target.virtual_packages = {virtual_package("__linux", "6.1")};

    EXPECT_THAT(
        dists(solve(linux_target, source)),
        ElementsAre("linux-dependency-0.1.0-0", "package-0.1.0-py27_0")
    );
    EXPECT_THAT(
        dists(solve(request({"conditional-dependency", "side-dependency=0.2"}), source)),
        UnorderedElementsAre(
            "conditional-dependency-0.1.0-0", "side-dependency-0.2.0-0", "package-0.1.0-py27_0"
        )
    );
    EXPECT_THAT(
        dists(solve(request({"conditional-dependency", "side-dependency=0.1"}), source)),
        UnorderedElementsAre("conditional-dependency-0.1.0-0", "side-dependency-0.1.0-0")
    );
}

TEST(Snapshots, InstallsOptionalDependencies) {
    SKIP_WITHOUT_CHANNELS();
    ChannelSource source = channel("dummy-optional-dependencies");

    EXPECT_THAT(
        dists(solve(request({"foo[extras=[with-bar]]"}), source)),
        ElementsAre("bar-1-xxx", "foo-1-xxx")
    );
    EXPECT_THAT(
        dists(solve(request({"foo", "bar"}), source)), ElementsAre("bar-2-xxx", "foo-1-xxx")
    );
    EXPECT_THAT(
        dists(solve(request({"conflicting-extras[extras=[extra1,extra2]]"}), source)),
        ElementsAre("conflict")
    );
}

}  // namespace
}  // namespace kiln::conda
