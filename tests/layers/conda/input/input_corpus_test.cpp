// Every lock file and environment.yml of other projects that is at hand is read, or refused for the
// reason in the table here.

#include "layers/conda/input/environment_yaml.hpp"
#include "layers/conda/input/input.hpp"
#include "layers/conda/input/lock_writer.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

namespace fs = std::filesystem;
using ::kiln::testing::read_text;
using ::kiln::testing::Succeeds;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Refusal {
    Code code;
    std::string part;  // of the message
};

const Refusal k_source{Code::unsupported, "must be built from its source"};
const Refusal k_platform{Code::not_found, "has nothing for linux-64"};
const Refusal k_no_package{Code::invalid_input, "neither a specification nor a conda package"};
const Refusal k_choice{Code::not_found, "no environment default: name one"};

/// What is refused for linux-64, main and default, and why that is right.
const std::map<std::string, Refusal>& refused_locks() {
    static const std::map<std::string, Refusal> k_refused = {
        // The target of a symbolic link, kept as a text.
        {"conda-lock/environments__conda-lock.yml", {Code::invalid_input, "it is a text"}},
        // conda-lock strips passwords from these: their URLs name no packages.
        {"conda-lock/tests__test-lockfile-with-auth__test.lock", k_no_package},
        {"conda-lock/tests__test-lockfile__no-auth.lock", k_no_package},
        {"conda-lock/tests__test-lockfile__test.lock", k_no_package},
        {"conda-lock/tests__test-stripped-lockfile__no-auth.lock", k_no_package},
        {"conda-lock/tests__test-stripped-lockfile__test.lock", k_no_package},
        // Made to be refused by whoever does not know the future.
        {"rattler/forward-compatible-lock.yml", {Code::unsupported, "version 1000"}},
        {"rattler/v6/options-lock.yml", k_choice},
        {"rattler/v7/options-lock.yml", k_choice},
        {"rattler/v4/path-based-lock.yml", k_platform},
        {"rattler/v5/flat-index-lock.yml", k_platform},
        {"rattler/v5/similar-with-and-without-purl.yml", k_platform},
        {"rattler/v5/stability-original.yml", k_platform},
        {"rattler/v5/stability-shuffled.yml", k_platform},
        {"rattler/v6/derived-channel-lock.yml", k_platform},
        {"rattler/v6/numpy-as-pypi-lock.yml", k_platform},
        {"rattler/v6/python-from-conda-only-lock.yml", k_platform},
        {"rattler/v6/sources-lock.yml", k_platform},
        {"rattler/v7/derived-channel-lock.yml", k_platform},
        {"rattler/v7/numpy-as-pypi-lock.yml", k_platform},
        {"rattler/v7/python-from-conda-only-lock.yml", k_platform},
        {"rattler/v7/sources-lfs-lock.yml", k_platform},
        {"rattler/v7/sources-lock.yml", k_platform},
        {"pixi/pixi__docs__source_files__pixi_workspaces__pixi_build__advanced_cpp__pixi.lock",
         k_source},
        {"pixi/pixi__docs__source_files__pixi_workspaces__pixi_build__cpp__pixi.lock", k_source},
        {"pixi/pixi__docs__source_files__pixi_workspaces__pixi_build__getting_started__pixi.lock",
         k_source},
        {"pixi/pixi__docs__source_files__pixi_workspaces__pixi_build__python__pixi.lock", k_source},
        {"pixi/pixi__docs__source_files__pixi_workspaces__pixi_build__ros_ws__pixi.lock", k_source},
        {"pixi/pixi__docs__source_files__pixi_workspaces__pixi_build__workspace__pixi.lock",
         k_source},
        {"pixi/"
         "pixi__docs__source_files__pixi_workspaces__pixi_build__workspace_variants__pixi.lock",
         k_source},
        {"pixi/rattler-build__py-rattler-build__pixi.lock", k_source},
        {"rattler/v6/conda-path-lock.yml", k_source},
        {"rattler/v6/multiple-source-packages-with-variants-lock.yml", k_source},
        {"rattler/v6/pixi-build-git-rev-only-source-lock.yml", k_source},
        {"rattler/v6/pixi-build-git-tag-source-lock.yml", k_source},
        {"rattler/v6/pixi-build-pinned-source-lock.yml", k_source},
        {"rattler/v6/pixi-build-url-source-lock.yml", k_source},
        {"rattler/v6/source-package-with-variants-lock.yml", k_source},
        {"rattler/v7/conda-path-lock.yml", k_source},
        {"rattler/v7/conda-source-build-host-packages-lock.yml", k_source},
        {"rattler/v7/multiple-source-packages-with-variants-lock.yml", k_source},
        {"rattler/v7/partial-source-extra-depends-lock.yml", k_source},
        {"rattler/v7/partial-source-flags-lock.yml", k_source},
        {"rattler/v7/partial-source-purls-lock.yml", k_source},
        {"rattler/v7/partial-source-run-exports-lock.yml", k_source},
        {"rattler/v7/pixi-build-git-rev-only-source-lock.yml", k_source},
        {"rattler/v7/pixi-build-git-tag-source-lock.yml", k_source},
        {"rattler/v7/pixi-build-pinned-source-lock.yml", k_source},
        {"rattler/v7/pixi-build-url-source-lock.yml", k_source},
    };
    return k_refused;
}

const std::map<std::string, Refusal>& refused_environments() {
    static const std::map<std::string, Refusal> k_refused = {
        {"conda__invalid_keys.yml", {Code::invalid_input, "has no dependencies, but dependecies"}},
        // Comments only.
        {"repo2docker__environment.py-3.5.yml", {Code::invalid_input, "is empty"}},
        {"repo2docker__environment.py-3.6.yml", {Code::invalid_input, "is empty"}},
    };
    return k_refused;
}

fs::path conda_folder(const char* name) {
    return fs::path(KILN_SHARED_DIR) / "conda" / name;
}

std::vector<std::string> files_below(const fs::path& top) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(top)) {
        const std::string name = entry.path().lexically_relative(top).generic_string();
        if (entry.is_regular_file() && !name.ends_with(".snap")) {
            files.push_back(name);
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// Reads every file below and holds the refusals against the table; the inputs that were read.
std::map<std::string, CondaInput> read_all(
    const fs::path& top, const std::map<std::string, Refusal>& refused
) {
    std::map<std::string, CondaInput> read;
    std::size_t met = 0;
    for (const std::string& file : files_below(top)) {
        auto input = read_conda_input(read_text(top / file), file);
        const auto reason = refused.find(file);
        if (reason == refused.end()) {
            EXPECT_THAT(input, Succeeds()) << file;
        } else {
            ++met;
            EXPECT_THAT(input, testing::FailsSaying(reason->second.code, reason->second.part))
                << file;
        }
        if (input) {
            read.emplace(file, std::move(*input));
        } else {
            EXPECT_TRUE(input.error().where || !input.error().hint.empty()) << file;
        }
    }
    EXPECT_EQ(met, refused.size()) << "the table names files that are not here";
    return read;
}

#define SKIP_WITHOUT_CONDA(name)                                        \
    if (!fs::exists(conda_folder(name))) {                              \
        GTEST_SKIP() << "../shared/conda/" << (name) << " is not here"; \
    }

TEST(InputCorpus, EveryLockIsReadOrRefusedForAGoodReason) {
    SKIP_WITHOUT_CONDA("lockfiles");

    const auto read = read_all(conda_folder("lockfiles"), refused_locks());

    EXPECT_GT(read.size(), 50U);
    for (const auto& [file, input] : read) {
        const Lock* lock = std::get_if<Lock>(&input);
        ASSERT_NE(lock, nullptr) << file;
        const auto again = parse_kiln_lock(render_kiln_lock(*lock), file);
        ASSERT_THAT(again, Succeeds()) << file;
        EXPECT_EQ(render_kiln_lock(*again), render_kiln_lock(*lock)) << file;
        EXPECT_EQ(again->entries.size(), lock->entries.size()) << file;
        EXPECT_EQ(again->pip.size(), lock->pip.size()) << file;
    }
    const auto size_of = [&](const char* file) {
        return std::get<Lock>(read.at(file)).entries.size();
    };
    EXPECT_EQ(size_of("conda-lock/example__pangeo__conda-lock.yml"), 255U);
    EXPECT_EQ(size_of("rattler/v3/robostack-turtlesim-conda-lock.yml"), 593U);
    EXPECT_EQ(size_of("rattler/v4/turtlesim-lock.yml"), 593U);
    EXPECT_EQ(size_of("conda-lock/pixi.lock"), 191U);
    EXPECT_EQ(size_of("repo2docker/environment.py-3.11.lock"), 144U);
}

TEST(InputCorpus, OneEnvironmentIsTheSameInTwoVersionsOfItsLock) {
    SKIP_WITHOUT_CONDA("lockfiles");
    const auto records = [](const char* file) {
        const fs::path path = conda_folder("lockfiles") / file;
        std::map<std::string, std::vector<std::string>> depends;
        const Lock lock = read_conda_lock(read_text(path), file).value();
        for (const LockEntry& entry : lock.entries) {
            depends[entry.file_name + entry.md5.value_or("")] = entry.record.depends;
        }
        return depends;
    };

    EXPECT_EQ(
        records("rattler/v3/robostack-turtlesim-conda-lock.yml"),
        records("rattler/v4/turtlesim-lock.yml")
    );
}

TEST(InputCorpus, EveryEnvironmentIsReadOrRefusedForAGoodReason) {
    SKIP_WITHOUT_CONDA("environment-yamls");

    const auto read = read_all(conda_folder("environment-yamls"), refused_environments());

    const auto& filtered = std::get<Specification>(
        read.at("conda-lock__tests__test-env-filter-platform__environment.yml")
    );
    ASSERT_THAT(filtered.specifications, SizeIs(2));
    EXPECT_EQ(filtered.specifications[1].text, "gcc_linux-64>=6");
    const auto& pip = std::get<Specification>(read.at("conda__advanced-pip__env_template.yml"));
    EXPECT_THAT(pip.pip, SizeIs(6));
}

/// The document of a snapshot: what stands behind its second "---".
std::string body_of(const fs::path& snapshot) {
    const std::string text = read_text(snapshot);
    return text.substr(text.find("\n---\n", 4) + 5);
}

TEST(InputCorpus, AgreesWithTheSnapshotsOfExplicitLists) {
    SKIP_WITHOUT_CONDA("lockfiles");
    for (const auto& entry :
         fs::directory_iterator(conda_folder("lockfiles") / "rattler-explicit-snapshots")) {
        std::string text = "@EXPLICIT\n";
        std::vector<std::string> urls;
        std::string platform;
        std::string body = body_of(entry.path());
        while (!body.empty()) {
            const std::string line = body.substr(0, body.find('\n'));
            body.erase(0, line.size() + 1);
            if (line.starts_with("platform: ")) {
                platform = line.substr(10);
                text = "# " + line + "\n" + text;
            } else if (line.starts_with("  - \"")) {
                urls.push_back(line.substr(5, line.size() - 6));
                text += urls.back() + "\n";
            }
        }

        const auto lock = read_conda_lock(text, "explicit.txt");

        ASSERT_THAT(lock, Succeeds());
        EXPECT_EQ(lock->platform, platform);
        ASSERT_EQ(lock->entries.size(), urls.size());
        for (std::size_t i = 0; i < urls.size(); ++i) {
            EXPECT_EQ(urls[i].substr(0, urls[i].find('#')), lock->entries[i].as_written);
            EXPECT_EQ(urls[i].find('#') != std::string::npos, lock->entries[i].md5.has_value());
        }
    }
}

TEST(InputCorpus, AgreesWithTheSnapshotsOfEnvironments) {
    SKIP_WITHOUT_CONDA("environment-yamls");
    const auto read = [](const char* name) {
        const fs::path path =
            conda_folder("environment-yamls") / "rattler-snapshots"
            / (std::string("rattler_conda_types__environment_yaml__tests__deserialize_environment_"
                           "yaml@")
               + name + ".environment.yaml.snap");
        return parse_environment_yaml(body_of(path), name, "linux-64").value();
    };

    const Specification vqgan = read("asymmetric_vqgan");
    EXPECT_THAT(vqgan.channels, SizeIs(2));
    EXPECT_THAT(vqgan.specifications, SizeIs(6));
    EXPECT_EQ(vqgan.specifications[2].text, "cudatoolkit 11.0.*");
    EXPECT_THAT(vqgan.pip, SizeIs(19));
    EXPECT_EQ(vqgan.pip[18].text, "-e .");
    EXPECT_EQ(read("channel_inversion").specifications[1].text, "conda-forge::cuda-python");
    const Specification dev = read("conda_lock_dev");
    EXPECT_FALSE(dev.appends_default_channels);
    EXPECT_THAT(dev.specifications, SizeIs(32));
    EXPECT_THAT(read("mamba_dev_extra").specifications, SizeIs(14));
    EXPECT_EQ(read("variables").variables.at(0).second, "My Value");
}

}  // namespace
}  // namespace kiln::conda
