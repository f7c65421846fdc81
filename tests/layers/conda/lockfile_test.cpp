#include "layers/conda/lockfile.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string k_sha256(64, 'a');
const std::string k_md5(32, 'b');

TEST(Lockfile, ReadsUrlsPathsAndTheirAnchors) {
    const std::string text =
        "# This file may be used\n# platform: linux-64\n\n@EXPLICIT\n"
        "https://conda.example/conda-forge/linux-64/xz-5.2.6-h1_0.tar.bz2#"
        + k_md5 + "\r\n  file:///opt/with%20space/zlib-1-0.conda#sha256:" + k_sha256
        + "\n../pkgs/six-1.15.0-py_0.conda#" + k_sha256 + "\n/abs/tk-8-0.conda\n";

    const auto lock = parse_lock(text, "env.lock");

    ASSERT_THAT(lock, Succeeds());
    EXPECT_EQ(lock->platform, "linux-64");
    ASSERT_THAT(lock->entries, SizeIs(4));
    EXPECT_EQ(lock->entries[0].kind, LockEntryKind::url);
    EXPECT_EQ(lock->entries[0].md5, k_md5);
    EXPECT_EQ(lock->entries[0].file_name, "xz-5.2.6-h1_0.tar.bz2");
    EXPECT_EQ(lock->entries[1].kind, LockEntryKind::file);
    EXPECT_EQ(lock->entries[1].as_written, "file:///opt/with%20space/zlib-1-0.conda");
    EXPECT_EQ(lock->entries[1].location, "/opt/with space/zlib-1-0.conda");
    EXPECT_EQ(lock->entries[1].sha256, k_sha256);
    EXPECT_EQ(lock->entries[2].location, "../pkgs/six-1.15.0-py_0.conda");
    EXPECT_EQ(lock->entries[2].sha256, k_sha256);
    EXPECT_EQ(lock->entries[3].sha256, std::nullopt);
}

TEST(Lockfile, SaysWhereAnEntryStands) {
    const auto lock = parse_lock("@EXPLICIT\n\n  a-1-0.conda\n", "env.lock");

    ASSERT_THAT(lock, Succeeds());
    EXPECT_EQ(lock->entries.at(0).span, (Span{"env.lock", 3, 3, 14}));
}

TEST(Lockfile, RefusesWhatIsNoPackageWithItsPlace) {
    const auto lock = parse_lock("@EXPLICIT\nnumpy=1.26\n", "env.lock");

    ASSERT_THAT(lock, FailsSaying(Code::invalid_input, "numpy=1.26 is not a conda package"));
    EXPECT_EQ(lock.error().where->line, 2U);
    EXPECT_THAT(lock.error().hint, HasSubstr("not specifications"));
}

TEST(Lockfile, RefusesAnchorsOfAnotherForm) {
    for (const std::string& anchor :
         {std::string("md5:") + k_md5,
          std::string(64, 'A'),
          std::string(40, 'a'),
          std::string(),
          "sha256:" + k_md5}) {
        EXPECT_THAT(
            parse_lock("@EXPLICIT\na-1-0.conda#" + anchor, "env.lock"),
            FailsSaying(Code::invalid_input, "neither a sha256 nor an md5")
        ) << anchor;
    }
}

TEST(Lockfile, RefusesAPackageNamedTwice) {
    EXPECT_THAT(
        parse_lock("@EXPLICIT\nx/a-1-0.conda\nb-1-0.conda\ny/a-1-0.conda", "env.lock"),
        FailsSaying(Code::invalid_input, "a-1-0.conda is named twice; first in line 2")
    );
}

TEST(Lockfile, RefusesOtherSchemesAndHostsOfFiles) {
    EXPECT_THAT(
        parse_lock("@EXPLICIT\nftp://h/a-1-0.conda", "env.lock"),
        FailsSaying(Code::unsupported, "ftp://")
    );
    EXPECT_THAT(
        parse_lock("@EXPLICIT\nfile://elsewhere/a-1-0.conda", "env.lock"),
        FailsSaying(Code::invalid_input, "not a file of this machine")
    );
    EXPECT_THAT(
        parse_lock("@EXPLICIT\nhttps:///a-1-0.conda", "env.lock"),
        FailsSaying(Code::invalid_input, "names no host")
    );
    EXPECT_THAT(
        parse_lock("@EXPLICIT\nfile:///x/..%2f..%2fa-1-0.conda", "env.lock"),
        FailsSaying(Code::invalid_input, "is not a conda package")
    );
}

TEST(Lockfile, TellsWhatAnotherFileLooksLike) {
    const std::pair<std::string, std::string> cases[] = {
        {"name: x\ndependencies:\n- a\n", "environment.yml"},
        {"version: 1\nmetadata:\n", "conda-lock.yml"},
        {"# c\n{\"a\": 1}", "JSON"},
        {"python\nnumpy>=1.2", "resolved first"},
        {"https://h/a-1-0.conda", "@EXPLICIT on a line"},
        {"", "empty"}};
    for (const auto& [text, hint] : cases) {
        const auto lock = parse_lock(text, "env.lock");
        ASSERT_THAT(lock, FailsSaying(Code::invalid_input, "not a lock file"));
        EXPECT_THAT(lock.error().hint, HasSubstr(hint));
    }
}

TEST(Lockfile, KeepsItsLimits) {
    EXPECT_THAT(
        parse_lock(std::string(k_lock_bytes + 1, '\n'), "env.lock"),
        FailsSaying(Code::too_large, "at most")
    );
    EXPECT_THAT(
        parse_lock("@EXPLICIT\n" + std::string(k_lock_line_bytes, 'a') + ".conda", "env.lock"),
        FailsSaying(Code::too_large, "a line of")
    );
    EXPECT_THAT(
        parse_lock(std::string("@EXPLICIT\n\0", 11), "env.lock"),
        FailsSaying(Code::invalid_input, "not a text")
    );
}

TEST(Lockfile, DistIsTheNameWithoutItsEnding) {
    EXPECT_EQ(dist_of("a-1-0.conda"), "a-1-0");
    EXPECT_EQ(dist_of("a-1-0.tar.bz2"), "a-1-0");
    EXPECT_EQ(dist_of(".conda"), std::nullopt);
    EXPECT_EQ(dist_of("a-1-0.zip"), std::nullopt);
}

TEST(Lockfile, CredentialsAreTakenOutOfUrls) {
    const std::string plain = "https://conda.example/main/linux-64/a-1-0.conda";
    EXPECT_EQ(without_credentials(plain), plain);
    EXPECT_EQ(without_credentials("https://u:p@w@conda.example/main/linux-64/a-1-0.conda"), plain);
    EXPECT_EQ(
        without_credentials("https://conda.example/t/to-ken/main/linux-64/a-1-0.conda?sig=1#x"),
        plain
    );
    EXPECT_EQ(without_credentials("https://h/mirror/t/tk/c/n.conda"), "https://h/mirror/c/n.conda");
    EXPECT_EQ(without_credentials(""), "");
}

RC_GTEST_PROP(Lockfile, RenderIsTheInverseOfParse, ()) {
    Lock lock;
    const auto count = *rc::gen::inRange(0, 20);
    for (int i = 0; i < count; ++i) {
        LockEntry entry;
        entry.file_name = "p" + std::to_string(i) + "-1-0.conda";
        const bool url = *rc::gen::arbitrary<bool>();
        entry.kind = url ? LockEntryKind::url : LockEntryKind::file;
        entry.as_written = (url ? "https://h/c/" : "dir/") + entry.file_name;
        entry.location = entry.as_written;
        if (*rc::gen::arbitrary<bool>()) {
            entry.sha256 = std::string(64, "0123456789abcdef"[*rc::gen::inRange(0, 16)]);
        } else if (*rc::gen::arbitrary<bool>()) {
            entry.md5 = std::string(32, "0123456789abcdef"[*rc::gen::inRange(0, 16)]);
        }
        lock.entries.push_back(entry);
    }
    const auto again = parse_lock(render(lock), "env.lock");
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->entries.size() == lock.entries.size());
    RC_ASSERT(render(*again) == render(lock));
    for (std::size_t i = 0; i < lock.entries.size(); ++i) {
        RC_ASSERT(again->entries[i].location == lock.entries[i].location);
        RC_ASSERT(again->entries[i].sha256 == lock.entries[i].sha256);
        RC_ASSERT(again->entries[i].md5 == lock.entries[i].md5);
    }
}

TEST(Lockfile, ReadsTheRealOnes) {
    const std::filesystem::path root = KILN_SHARED_DIR "/conda/lockfiles/repo2docker";
    if (!std::filesystem::exists(root)) {
        GTEST_SKIP() << "no ../shared/conda";
    }
    std::size_t locks = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(root)) {
        std::ifstream in(file.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        if (!file.is_regular_file() || text.find("\n@EXPLICIT\n") == std::string::npos) {
            continue;
        }
        const auto lock = parse_lock(text, file.path().filename().string());
        EXPECT_THAT(lock, Succeeds()) << file.path();
        ++locks;
        EXPECT_THAT(lock->entries, ::testing::Not(IsEmpty()));
    }
    EXPECT_GE(locks, 20U);
}

}  // namespace
}  // namespace kiln::conda
