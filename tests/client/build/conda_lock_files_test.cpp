#include "client/build/conda_lock_files.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using ::testing::Pair;
using testing::Succeeds;
using testing::TempDirectory;

constexpr std::int64_t k_much_later_ns = 4'000'000'000'000'000'000;

TEST(CondaLockFiles, AreTheEntriesThatNameNoServer) {
    const auto entries = file_entries(
        "# platform: linux-64\r\n"
        "@EXPLICIT\r\n"
        "https://conda.example/a-1-0.conda#d41d8cd98f00b204e9800998ecf8427e\r\n"
        "  file:///pkgs/b%2B-1-0.conda#sha256:aa  \r\n"
        "pkgs/c-1-0.tar.bz2\r\n"
        "file://localhost/d-1-0.conda"
    );

    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].as_written, "file:///pkgs/b%2B-1-0.conda");
    EXPECT_EQ(entries[0].path, "/pkgs/b+-1-0.conda");
    EXPECT_EQ(entries[1].as_written, "pkgs/c-1-0.tar.bz2");
    EXPECT_EQ(entries[1].path, "pkgs/c-1-0.tar.bz2");
    EXPECT_EQ(entries[2].path, "/d-1-0.conda");
}

TEST(CondaLockFiles, AreHashedAndRemembered) {
    TempDirectory files;
    files.write("a.conda", "one");
    const std::vector<LockFileEntry> entries{{"file://a", files.path("a.conda")}};
    const auto hash = [&] {
        return hash_files(entries, files.path("cache"), k_much_later_ns, {}).value();
    };

    const HashedFiles first = hash();
    const HashedFiles second = hash();

    EXPECT_THAT(first.by_entry, ElementsAre(Pair("file://a", digest_of("one"))));
    EXPECT_THAT(first.paths, ElementsAre(Pair(digest_of("one"), files.path("a.conda"))));
    EXPECT_EQ(second.by_entry, first.by_entry);
}

TEST(CondaLockFiles, AreNamedWhenTheyAreMissing) {
    const std::vector<LockFileEntry> entries{{"x.conda", "/nowhere/x.conda"}};

    EXPECT_THAT(
        hash_files(entries, std::nullopt, 0, {}), FailsSaying(Code::not_found, "/nowhere/x.conda")
    );
}

}  // namespace
}  // namespace kiln::client
