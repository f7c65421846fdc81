#include "layers/conda/input/input.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string k_sha256(64, 'a');
const std::string k_md5(32, 'b');
const std::string k_channel = "https://conda.example/forge/";

std::string conda_lock_package(
    const std::string& name, const std::string& category, const std::string& platform = "linux-64"
) {
    return "- {name: " + name + ", version: '1.10', manager: conda, platform: " + platform
           + ", dependencies: {zlib: '>=1.2', pip: ''}, category: " + category
           + ", optional: false," + " url: '" + k_channel + platform + "/" + name
           + "-1.10-h1_3.conda', hash: {md5: " + k_md5 + ", sha256: " + k_sha256 + "}}\n";
}

std::string conda_lock(const std::string& packages) {
    return "version: 1\nmetadata:\n  content_hash: {}\n  channels:\n  - {url: forge, "
           "used_env_vars: []}\n"
           "  platforms: [linux-64, osx-64]\n  sources: []\npackage:\n"
           + packages;
}

std::string pixi_lock(const std::string& references, const std::string& packages) {
    return "version: 6\nenvironments:\n  default:\n    channels:\n    - url: " + k_channel
           + "\n    packages:\n      linux-64:\n" + references + "packages:\n" + packages;
}

TEST(CondaLock, KeepsWhatThePackageSays) {
    const auto lock =
        read_conda_lock(conda_lock(conda_lock_package("xz", "main")), "conda-lock.yml");

    ASSERT_THAT(lock, Succeeds());
    EXPECT_EQ(lock->platform, "linux-64");
    EXPECT_THAT(lock->inputs.channels, ElementsAre("forge"));
    ASSERT_THAT(lock->entries, SizeIs(1));
    const LockEntry& entry = lock->entries[0];
    EXPECT_EQ(entry.kind, LockEntryKind::url);
    EXPECT_EQ(entry.file_name, "xz-1.10-h1_3.conda");
    EXPECT_EQ(entry.sha256, k_sha256);
    EXPECT_EQ(entry.md5, k_md5);
    EXPECT_EQ(entry.record.name, "xz");
    EXPECT_EQ(entry.record.version, "1.10");
    EXPECT_EQ(entry.record.build, "h1_3");
    EXPECT_EQ(entry.record.build_number, 3U);
    EXPECT_EQ(entry.record.subdir, "linux-64");
    EXPECT_THAT(entry.record.depends, ElementsAre("zlib >=1.2", "pip"));
    EXPECT_EQ(entry.span.line, 9U);
}

TEST(CondaLock, TakesOnePlatformAndTheWantedCategories) {
    const std::string text = conda_lock(
        conda_lock_package("a", "main") + conda_lock_package("a", "main", "osx-64")
        + conda_lock_package("b", "dev") + conda_lock_package("a", "dev")
    );

    EXPECT_THAT(read_conda_lock(text, "l.yml")->entries, SizeIs(1));
    EXPECT_THAT(
        read_conda_lock(text, "l.yml", {.categories = {"main", "dev"}})->entries, SizeIs(2)
    );
    EXPECT_THAT(read_conda_lock(text, "l.yml", {.platform = "osx-64"})->entries, SizeIs(1));

    const auto none = read_conda_lock(text, "l.yml", {.platform = "win-64"});
    ASSERT_THAT(none, FailsSaying(Code::not_found, "nothing for win-64"));
    EXPECT_THAT(none.error().hint, HasSubstr("linux-64 and osx-64"));
    EXPECT_EQ(none.error().where->line, 6U);
    const auto other = read_conda_lock(text, "l.yml", {.categories = {"docs"}});
    ASSERT_THAT(other, FailsSaying(Code::not_found, "no category docs"));
    EXPECT_THAT(other.error().hint, HasSubstr("dev and main"));
}

TEST(CondaLock, KeepsThePipPartAsData) {
    const auto lock = read_conda_lock(
        conda_lock(
            "- {name: flask, version: '2.0', manager: pip, platform: linux-64, dependencies: {},"
            " url: 'https://pypi.example/flask-2.0-py3-none-any.whl', category: main,"
            " hash: {sha256: "
            + k_sha256 + "}}\n"
        ),
        "l.yml"
    );

    ASSERT_THAT(lock, Succeeds());
    EXPECT_THAT(lock->entries, IsEmpty());
    ASSERT_THAT(lock->pip, SizeIs(1));
    EXPECT_EQ(lock->pip[0].name, "flask");
    EXPECT_EQ(lock->pip[0].sha256, k_sha256);
}

TEST(CondaLock, AStandInForAVirtualPackageIsNotInstalled) {
    const auto lock = read_conda_lock(conda_lock(conda_lock_package("__glibc", "main")), "l.yml");

    ASSERT_THAT(lock, Succeeds());
    EXPECT_THAT(lock->entries, IsEmpty());
    EXPECT_THAT(lock->inputs.virtual_packages, ElementsAre("__glibc 1.10 h1_3"));
}

TEST(CondaLock, RefusesWithThePlaceWhatIsNoPackage) {
    const auto read = [](const std::string& package) {
        return read_conda_lock(conda_lock(package), "l.yml");
    };
    const std::string head = "- {name: a, version: 1, platform: linux-64, category: main, ";

    const auto manager = read(head + "manager: npm, url: x}\n");
    ASSERT_THAT(manager, FailsSaying(Code::unsupported, "npm"));
    EXPECT_EQ(manager.error().where->line, 9U);
    EXPECT_THAT(
        read(head + "manager: conda, url: 'https://c.example/a.whl'}\n"),
        FailsSaying(Code::invalid_input, "not a conda package")
    );
    EXPECT_THAT(
        read(head + "manager: conda, url: 'https://c.example/a-1-0.conda', hash: {md5: abc}}\n"),
        FailsSaying(Code::invalid_input, "abc is not md5 of 32 hex digits")
    );
    EXPECT_THAT(
        read(head + "manager: conda}\n"), FailsSaying(Code::invalid_input, "a package has no url")
    );
    EXPECT_THAT(
        read(head + "manager: conda, url: \"https://c.example/x\\n/a-1-0.conda\"}\n"),
        FailsSaying(Code::invalid_input, "control character")
    );
    EXPECT_THAT(
        read(
            conda_lock_package("a", "main") + head
            + "manager: conda, url: 'https://c.example/a-2-0.conda'}\n"
        ),
        FailsSaying(Code::invalid_input, "a is locked twice")
    );
    EXPECT_THAT(read("- a\n"), FailsSaying(Code::invalid_input, "a package is a text"));
    EXPECT_THAT(
        read_conda_lock("version: 9\nmetadata: {}\npackage: []\n", "l.yml"),
        FailsSaying(Code::unsupported, "version 9")
    );
}

TEST(CondaLock, ErrorsHoldNoPasswords) {
    const auto lock = read_conda_lock(
        conda_lock("- {name: a, version: 1, platform: linux-64, category: main, manager: conda,"
                   " url: 'https://me:secret@c.example/t/tk-secret/a.whl'}\n"),
        "l.yml"
    );

    ASSERT_THAT(lock, FailsSaying(Code::invalid_input, "https://c.example/a.whl"));
    EXPECT_THAT(lock.error().message, Not(HasSubstr("secret")));
}

TEST(PixiLock, TakesRecordsByTheirLocation) {
    const std::string url = k_channel + "linux-64/xz-5.2.6-h1_0.conda";
    const auto lock = read_conda_lock(
        pixi_lock(
            "      - conda: " + url + "\n      - pypi: ./local\n",
            "- conda: " + url + "\n  sha256: " + k_sha256
                + "\n  depends: [libgcc >=12]\n  constrains: [a <1]\n  size: 42\n"
                  "  timestamp: 1728047496079\n  track_features: [f]\n  noarch: python\n"
                  "- pypi: ./local\n  name: local\n  editable: true\n"
        ),
        "pixi.lock"
    );

    ASSERT_THAT(lock, Succeeds());
    EXPECT_THAT(lock->inputs.channels, ElementsAre(k_channel));
    ASSERT_THAT(lock->entries, SizeIs(1));
    const LockedRecord& record = lock->entries[0].record;
    EXPECT_EQ(record.name, "xz");
    EXPECT_EQ(record.version, "5.2.6");
    EXPECT_EQ(record.size_bytes, 42U);
    EXPECT_EQ(record.timestamp_ms, 1728047496079);
    EXPECT_EQ(record.noarch, "python");
    EXPECT_THAT(record.depends, ElementsAre("libgcc >=12"));
    EXPECT_THAT(record.constrains, ElementsAre("a <1"));
    EXPECT_THAT(record.track_features, ElementsAre("f"));
    ASSERT_THAT(lock->pip, SizeIs(1));
    EXPECT_TRUE(lock->pip[0].is_editable);
}

TEST(PixiLock, APackageMayBeAFileBesideTheLock) {
    const auto lock = read_conda_lock(
        pixi_lock("      - conda: ./pkgs/a-1-0.conda\n", "- conda: ./pkgs/a-1-0.conda\n"), "p.lock"
    );

    ASSERT_THAT(lock, Succeeds());
    EXPECT_EQ(lock->entries.at(0).kind, LockEntryKind::file);
    EXPECT_EQ(lock->entries.at(0).location, "./pkgs/a-1-0.conda");
}

TEST(PixiLock, ChoosesAnEnvironment) {
    const std::string two =
        "version: 6\nenvironments:\n  test: {packages: {linux-64: []}}\n  docs: {packages: {}}\n"
        "packages: []\n";

    const auto unnamed = read_conda_lock(two, "pixi.lock");
    ASSERT_THAT(unnamed, FailsSaying(Code::not_found, "no environment default"));
    EXPECT_THAT(unnamed.error().hint, HasSubstr("test and docs"));
    EXPECT_THAT(read_conda_lock(two, "pixi.lock", {.environment = "docs"}), Succeeds());
    EXPECT_THAT(
        read_conda_lock(two, "pixi.lock", {.environment = "prod"}),
        FailsSaying(Code::not_found, "no environment prod")
    );
    EXPECT_THAT(
        read_conda_lock(
            "version: 6\nenvironments: {only: {packages: {}}}\npackages: []\n", "pixi.lock"
        ),
        Succeeds()
    );
}

TEST(PixiLock, ChoosesAPlatformByNameOrSubdir) {
    const std::string text =
        "version: 7\nplatforms:\n- {name: cuda, subdir: linux-64, virtual-packages: [__cuda "
        ">=12]}\n"
        "- {name: win-64}\nenvironments:\n  default: {packages: {cuda: [], win-64: []}}\n"
        "packages: []\n";

    const auto lock = read_conda_lock(text, "pixi.lock");
    ASSERT_THAT(lock, Succeeds());
    EXPECT_EQ(lock->platform, "linux-64");
    EXPECT_THAT(lock->inputs.virtual_packages, ElementsAre("__cuda >=12"));
    EXPECT_THAT(read_conda_lock(text, "pixi.lock", {.platform = "cuda"}), Succeeds());

    const auto none = read_conda_lock(text, "pixi.lock", {.platform = "osx-64"});
    ASSERT_THAT(none, FailsSaying(Code::not_found, "nothing for osx-64"));
    EXPECT_THAT(none.error().hint, HasSubstr("cuda and win-64"));
}

TEST(PixiLock, RefusesWhatMustBeBuiltOnlyWhereItIsWanted) {
    const std::string text =
        "version: 7\nplatforms: [{name: linux-64}, {name: win-64}]\nenvironments:\n  default:\n"
        "    packages:\n      linux-64: []\n      win-64:\n"
        "      - conda_source: mine[1234abcd] @ ./mine\npackages:\n"
        "- conda_source: mine[1234abcd] @ ./mine\n";

    EXPECT_THAT(read_conda_lock(text, "pixi.lock"), Succeeds());
    const auto built = read_conda_lock(text, "pixi.lock", {.platform = "win-64"});
    ASSERT_THAT(built, FailsSaying(Code::unsupported, "mine must be built from its source"));
    EXPECT_EQ(built.error().where->line, 8U);
}

TEST(PixiLock, RefusesReferencesThatLeadNowhereAndRecordsThatContradict) {
    const std::string url = k_channel + "linux-64/a-1-0.conda";
    EXPECT_THAT(
        read_conda_lock(pixi_lock("      - conda: " + url + "\n", "- pypi: ./x\n  name: x\n"), "p"),
        FailsSaying(Code::invalid_input, "is not among the packages")
    );
    EXPECT_THAT(
        read_conda_lock(
            pixi_lock(
                "      - conda: " + url + "\n",
                "- conda: " + url + "\n  sha256: " + k_sha256 + "\n- conda: " + url
                    + "\n  sha256: " + std::string(64, 'c') + "\n"
            ),
            "p"
        ),
        FailsSaying(Code::invalid_input, "has two hashes")
    );
    EXPECT_THAT(
        read_conda_lock(pixi_lock("      - git: x\n", "[]\n"), "p"),
        FailsSaying(Code::invalid_input, "neither conda: nor pypi:")
    );
    EXPECT_THAT(
        read_conda_lock("version: 8\nenvironments: {}\npackages: []\n", "p"),
        FailsSaying(Code::unsupported, "version 8")
    );
}

}  // namespace
}  // namespace kiln::conda
