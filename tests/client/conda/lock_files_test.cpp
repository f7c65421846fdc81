#include "client/conda/lock_files.hpp"

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

constexpr std::int64_t k_later_than_the_lock_ns = 4'000'000'000'000'000'000;

TEST(CondaLockFiles, AreWhereTheLockSays) {
    const std::string lock =
        "@EXPLICIT\n"
        "file:///pkgs/b%2B-1-0.conda#sha256:aa\n"
        "pkgs/c-1-0.tar.bz2\n"
        "file://localhost/d-1-0.conda\n";

    const auto files = wanted_files(
        {"file:///pkgs/b%2B-1-0.conda", "pkgs/c-1-0.tar.bz2", "file://localhost/d-1-0.conda"},
        lock,
        "env.lock",
        Environment()
    );

    ASSERT_THAT(files, Succeeds());
    ASSERT_EQ(files->size(), 3U);
    EXPECT_EQ(files->at(0).as_written, "file:///pkgs/b%2B-1-0.conda");
    EXPECT_EQ(files->at(0).path, "/pkgs/b+-1-0.conda");
    EXPECT_EQ(files->at(1).path, "pkgs/c-1-0.tar.bz2");
    EXPECT_EQ(files->at(2).path, "/d-1-0.conda");
    EXPECT_EQ(files->at(1).where, (Span{"env.lock", 3, 1, 19}));
}

TEST(CondaLockFiles, AreNoOthersThanTheLockNames) {
    EXPECT_THAT(
        wanted_files({"/etc/shadow"}, "@EXPLICIT\na-1-0.conda\n", "env.lock", Environment()),
        FailsSaying(Code::permission, "env.lock does not name")
    );
    EXPECT_THAT(
        wanted_files({""}, "@EXPLICIT\n", "env.lock", Environment()),
        FailsSaying(Code::permission, "")
    );
}

TEST(CondaLockFiles, MayBeginWithHomeAndNameVariables) {  // cep-23
    const Environment environment({{"HOME", "/home/me"}, {"PKGS", "pkgs"}});
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"~/a-1-0.conda", "/home/me/a-1-0.conda"},
        {"/x/$PKGS/a-1-0.conda", "/x/pkgs/a-1-0.conda"},
        {"${PKGS}/${PKGS}a-1-0.conda", "pkgs/pkgsa-1-0.conda"},
        {"file://$HOME/a-1-0.conda", "/home/me/a-1-0.conda"},
        {"file:///a%24HOME/a-1-0.conda", "/a$HOME/a-1-0.conda"},
        {"/$NONE/$/${PKGS/~/a-1-0.conda", "/$NONE/$/${PKGS/~/a-1-0.conda"},
        {"~other/a-1-0.conda", "~other/a-1-0.conda"}};
    for (const auto& [written, path] : cases) {
        const auto files =
            wanted_files({written}, "@EXPLICIT\n" + written + "\n", "env.lock", environment);
        ASSERT_THAT(files, Succeeds());
        EXPECT_EQ(files->at(0).path, path) << written;
    }
}

TEST(CondaLockFiles, AreHashedAndRemembered) {
    TempDirectory files;
    files.write("a.conda", "one");
    const std::vector<LockFileEntry> entries{{"file://a", files.path("a.conda")}};
    const auto hash = [&] {
        return hash_files(
                   entries, Promises::checked, files.path("cache"), k_later_than_the_lock_ns, {}
        )
            .value();
    };

    const HashedFiles first = hash();
    const HashedFiles second = hash();

    EXPECT_THAT(first.by_entry, ElementsAre(Pair("file://a", digest_of("one"))));
    EXPECT_THAT(first.paths, ElementsAre(Pair(digest_of("one"), files.path("a.conda"))));
    EXPECT_EQ(second.by_entry, first.by_entry);
}

TEST(CondaLockFiles, AreWhatTheLockSaysUntilThatIsRefused) {
    TempDirectory files;
    files.write("a-1-0.conda", "one");
    const std::string path = files.path("a-1-0.conda");
    const Digest promised = digest_of("another");
    const auto hash = [&](const std::string& anchor, Promises promises) {
        const auto entries =
            wanted_files({path}, "@EXPLICIT\n" + path + anchor + "\n", "env.lock", Environment());
        return hash_files(*entries, promises, files.path("cache"), k_later_than_the_lock_ns, {})
            .value()
            .by_entry.at(path);
    };

    EXPECT_EQ(hash("#sha256:" + promised.hex(), Promises::believed), promised);
    EXPECT_EQ(hash("#" + promised.hex() + "\r", Promises::believed), promised);
    EXPECT_EQ(hash("#" + std::string(32, 'a'), Promises::believed), digest_of("one"));
    EXPECT_EQ(hash("#" + promised.hex(), Promises::checked), digest_of("one"));
    EXPECT_EQ(hash("#" + promised.hex(), Promises::believed), digest_of("one"));  // remembered

    Promises promises = Promises::believed;
    EXPECT_FALSE(breaks_promise(Error{.code = Code::not_found}, promises));
    EXPECT_TRUE(breaks_promise(Error{.code = Code::digest_mismatch}, promises));
    EXPECT_FALSE(breaks_promise(Error{.code = Code::digest_mismatch}, promises));
}

TEST(CondaLockFiles, AreNamedWhenTheyAreMissing) {
    const std::vector<LockFileEntry> entries{{"x.conda", "/nowhere/x.conda"}};

    EXPECT_THAT(
        hash_files(entries, Promises::checked, std::nullopt, 0, {}),
        FailsSaying(Code::not_found, "/nowhere/x.conda")
    );
}

}  // namespace
}  // namespace kiln::client
