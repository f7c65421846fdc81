#include "client/context/local_context.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <rapidcheck/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Succeeds;
using testing::TempDirectory;

/// Long after every stamp that a test can make.
constexpr std::int64_t k_much_later_ns = 4'000'000'000'000'000'000;

std::int64_t real_now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// By the true clock no stamp of a test is old enough to be trusted.
struct Scan {
    std::string rules = "";
    std::int64_t now_ns = real_now_ns();
    std::size_t threads = 2;
};

/// A context directory and a home for the cache, both gone at the end.
class Machine {
  public:
    [[nodiscard]] const TempDirectory& files() const { return files_; }

    Result<std::unique_ptr<LocalContext>> scan(const Scan& how = Scan()) {
        const LocalContext::Options options{
            .path = files_.path(),
            .ignore_name = how.rules.empty() ? "" : ".dockerignore",
            .cache_directory = home_.path("kiln"),
            .now_ns = how.now_ns,
            .threads = how.threads};
        TRY_ASSIGN(const auto rules, dockerfile::IgnoreRules::parse(how.rules, ".dockerignore"));
        ContextObserver observer;
        observer.warning = [this](const std::string& text) { warnings_.push_back(text); };
        return LocalContext::scan(options, rules, observer, {});
    }

    Digest digest(const Scan& how = Scan()) { return scan(how).value()->digest(); }

    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

    [[nodiscard]] std::string cache_file() const {
        const Fd directory = open_directory(home_.path("kiln/contexts")).value();
        return home_.path("kiln/contexts/" + list_directory(directory.get()).value().front());
    }

  private:
    TempDirectory files_;
    TempDirectory home_;
    std::vector<std::string> warnings_;
};

std::vector<std::string> paths_of(LocalContext& context) {
    const auto table = TableOfContents::open(context.listing().value()).value();
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < table->size(); ++i) {
        paths.emplace_back(table->path(i));
    }
    return paths;
}

void set_times(const std::string& path, time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

TEST(LocalContext, ListsFilesDirectoriesAndLinksInCanonicalOrder) {
    Machine machine;
    machine.files().write("a-b", "1", 0644);
    machine.files().write("a/x", "22", 0755);
    ASSERT_EQ(::symlink("../gone", machine.files().path("a/link").c_str()), 0);

    const auto context = machine.scan();

    ASSERT_THAT(context, Succeeds());
    const auto table = TableOfContents::open((*context)->listing().value()).value();
    ASSERT_EQ(table->size(), 4U);
    EXPECT_THAT(paths_of(**context), ElementsAre("a", "a/link", "a/x", "a-b"));
    EXPECT_EQ(table->row(1).entry.link, "../gone");
    EXPECT_EQ(table->row(1).entry.mode, 0777U);
    EXPECT_EQ(table->row(2).entry.mode, 0755U);
    EXPECT_EQ(table->row(2).entry.size_bytes, 2U);
    EXPECT_EQ(table->row(2).content, digest_of("22"));
    EXPECT_EQ(table->row(2).entry.mtime, 0);
    EXPECT_EQ(table->row(2).entry.uid, 0U);
}

TEST(LocalContext, NamesTheListingByItsDigest) {
    Machine machine;
    machine.files().write("a", "1");

    const auto cold = machine.scan({.now_ns = k_much_later_ns}).value();
    const auto warm = machine.scan({.now_ns = k_much_later_ns}).value();

    EXPECT_EQ(digest_of(cold->listing().value()), cold->digest());
    EXPECT_EQ(warm->digest(), cold->digest());
    EXPECT_EQ(warm->entries_read(), 0U);
    EXPECT_EQ(digest_of(warm->listing().value()), warm->digest());
}

TEST(LocalContext, StaysTheSameWhenFilesAreTouched) {
    Machine machine;
    machine.files().write("d/a", "1");
    const Digest before = machine.digest();

    set_times(machine.files().path("d/a"), 1'000'000);
    set_times(machine.files().path("d"), 2'000'000);

    EXPECT_EQ(machine.digest(), before);
}

TEST(LocalContext, ChangesWithContentEvenWhereSizeAndTimeStay) {
    Machine machine;
    machine.files().write("a", "old");
    set_times(machine.files().path("a"), 1'000'000);
    const Digest before = machine.digest();

    machine.files().write("a", "new");
    set_times(machine.files().path("a"), 1'000'000);

    EXPECT_NE(machine.digest(), before);
}

TEST(LocalContext, ChangesWithModesAndLinkTexts) {
    Machine machine;
    machine.files().write("a", "1", 0644);
    ASSERT_EQ(::symlink("one", machine.files().path("link").c_str()), 0);
    const Digest before = machine.digest();

    ASSERT_EQ(::chmod(machine.files().path("a").c_str(), 0755), 0);
    const Digest with_mode = machine.digest();
    ASSERT_EQ(::unlink(machine.files().path("link").c_str()), 0);
    ASSERT_EQ(::symlink("two", machine.files().path("link").c_str()), 0);
    const Digest with_link = machine.digest();

    EXPECT_NE(with_mode, before);
    EXPECT_NE(with_link, with_mode);
}

TEST(LocalContext, ChangesWithUserXattrsOfFilesAndDirectories) {
    Machine machine;
    machine.files().write("d/a", "1");
    const std::string file = machine.files().path("d/a");
    if (::setxattr(file.c_str(), "user.seen", "1", 1, 0) != 0) {
        GTEST_SKIP() << "the file system keeps no user xattrs";
    }
    const Digest before = machine.digest();

    ASSERT_EQ(::setxattr(file.c_str(), "user.seen", "2", 1, 0), 0);
    const Digest with_file = machine.digest();
    ASSERT_EQ(::setxattr(machine.files().path("d").c_str(), "user.seen", "1", 1, 0), 0);
    const Digest with_directory = machine.digest();

    EXPECT_NE(with_file, before);
    EXPECT_NE(with_directory, with_file);
}

TEST(LocalContext, DoesNotTrustStampsThatAreTooYoung) {
    Machine machine;
    machine.files().write("a", "1");

    struct stat facts {};

    ASSERT_EQ(::stat(machine.files().path("a").c_str(), &facts), 0);
    const std::int64_t just_now_ns = identity_of(facts).ctime_ns + 1'000'000;

    const auto first = machine.scan({.now_ns = just_now_ns}).value();
    const auto second = machine.scan({.now_ns = just_now_ns}).value();

    EXPECT_EQ(first->entries_read(), 1U);
    EXPECT_EQ(second->entries_read(), 1U);
    EXPECT_EQ(second->digest(), first->digest());
}

TEST(LocalContext, KnowsTheFilesOfADirectoryThatWasRenamed) {
    Machine machine;
    machine.files().write("old/a", "1");
    machine.files().write("old/b", "2");
    ASSERT_THAT(machine.scan({.now_ns = k_much_later_ns}), Succeeds());

    const std::string renamed = machine.files().path("new");
    ASSERT_EQ(::rename(machine.files().path("old").c_str(), renamed.c_str()), 0);
    const auto context = machine.scan().value();

    EXPECT_EQ(context->entries_read(), 1U);  // the directory
    EXPECT_THAT(paths_of(*context), ElementsAre("new", "new/a", "new/b"));
    EXPECT_EQ(digest_of(context->listing().value()), context->digest());
}

TEST(LocalContext, LeavesOutWhatIsIgnored) {
    Machine machine;
    machine.files().write("keep.py", "1");
    machine.files().write("cache/deep/x.pyc", "2");
    machine.files().write("docs/a.md", "3");
    machine.files().write("docs/keep/b.md", "4");
    const Scan how{.rules = "cache\ndocs\n!docs/keep\n*.tmp\n"};
    const auto context = machine.scan(how).value();
    const Digest before = context->digest();

    machine.files().write("cache/deep/y.pyc", "5");
    machine.files().write("new.tmp", "6");

    EXPECT_THAT(paths_of(*context), ElementsAre("docs", "docs/keep", "docs/keep/b.md", "keep.py"));
    EXPECT_EQ(machine.digest(how), before);
}

TEST(LocalContext, LeavesOutSocketsAndSaysSo) {
    Machine machine;
    machine.files().write("a", "1");
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    machine.files().path("s").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);

    const auto context = machine.scan().value();

    EXPECT_THAT(paths_of(*context), ElementsAre("a"));
    EXPECT_THAT(machine.warnings(), ElementsAre(HasSubstr("s is a socket")));
}

TEST(LocalContext, IsTheSameForEveryNumberOfThreads) {
    Machine machine;
    for (int i = 0; i < 3000; ++i) {
        machine.files().write("flat/" + std::to_string(i * 7919 % 3000), std::to_string(i));
    }
    machine.files().write("z/y/x/w", "deep");
    const Digest alone = machine.digest({.threads = 1});

    Machine other;  // the same files, made in another order and read by more threads
    other.files().write("z/y/x/w", "deep");
    for (int i = 2999; i >= 0; --i) {
        other.files().write("flat/" + std::to_string(i * 7919 % 3000), std::to_string(i));
    }

    EXPECT_EQ(other.digest({.threads = 4}), alone);
}

TEST(LocalContext, GivesItsContents) {
    Machine machine;
    machine.files().write("a", "hello");
    const auto context = machine.scan().value();
    MemorySink out(100);

    ASSERT_EQ(context->content_size(digest_of("hello")), 5U);
    ASSERT_THAT(context->write_content(digest_of("hello"), out), Succeeds());

    EXPECT_EQ(as_text(out.bytes()), "hello");
    EXPECT_EQ(context->content_size(digest_of("other")), std::nullopt);
}

TEST(LocalContext, GivesItsContentsWhenTheCacheKnewEverything) {
    Machine machine;
    machine.files().write("a", "hello");
    ASSERT_THAT(machine.scan({.now_ns = k_much_later_ns}), Succeeds());
    const auto warm = machine.scan({.now_ns = k_much_later_ns}).value();
    MemorySink out(100);

    ASSERT_THAT(warm->listing(), Succeeds());
    ASSERT_EQ(warm->content_size(digest_of("hello")), 5U);
    ASSERT_THAT(warm->write_content(digest_of("hello"), out), Succeeds());

    EXPECT_EQ(as_text(out.bytes()), "hello");
}

TEST(LocalContext, RefusesToSendAFileThatHasChanged) {
    Machine machine;
    machine.files().write("app.py", "before");
    const auto context = machine.scan().value();
    MemorySink out(100);

    machine.files().write("app.py", "after!");
    const auto sent = context->write_content(digest_of("before"), out);

    EXPECT_THAT(sent, FailsSaying(Code::conflict, "app.py was changed"));
}

TEST(LocalContext, NamesAFileThatCannotBeRead) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root reads everything";
    }
    Machine machine;
    machine.files().write("secret.key", "1", 0000);

    EXPECT_THAT(machine.scan(), FailsSaying(Code::permission, "secret.key"));
}

TEST(LocalContext, TakesADamagedCacheForNone) {
    Machine machine;
    machine.files().write("a", "1");
    machine.files().write("b", "2");
    const Scan how{.now_ns = k_much_later_ns};
    const Digest expected = machine.digest(how);
    const std::string cache = machine.cache_file();
    const std::string whole = read_file_at(AT_FDCWD, cache, 1'000'000).value();
    const auto damage = [&](const std::string& text) {
        const Fd file = open_at(AT_FDCWD, cache, O_WRONLY | O_TRUNC, Resolve::anywhere).value();
        ASSERT_THAT(write_all(file.get(), as_bytes(text)), Succeeds());
    };

    for (std::size_t size = 0; size < whole.size(); size += 23) {
        damage(whole.substr(0, size));
        const auto context = machine.scan(how).value();
        EXPECT_EQ(context->digest(), expected);
        EXPECT_EQ(context->entries_read(), 2U) << size;
    }
    for (std::size_t at = 0; at < whole.size(); at += 5) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        damage(flipped);
        EXPECT_EQ(machine.digest(how), expected) << at;
    }
}

/// Whatever happens to the files, a scan with the cache and one without agree.
RC_GTEST_PROP(LocalContextLaw, TheCacheNeverChangesTheDigest, ()) {
    Machine machine;
    const int steps = *rc::gen::inRange(1, 4);
    for (int step = 0; step < steps; ++step) {
        const std::string name = *rc::gen::element<std::string>("a", "b", "d/a", "d/e/f");
        const std::string path = machine.files().path(name);
        switch (*rc::gen::inRange(0, 4)) {
            case 0:
                machine.files().write(name, *rc::gen::element<std::string>("", "1", "2", "33"));
                break;
            case 1:
                ::unlink(path.c_str());
                break;
            case 2:
                ::chmod(path.c_str(), static_cast<mode_t>(*rc::gen::element(0600, 0644, 0755)));
                break;
            default:
                ::rename(path.c_str(), machine.files().path("moved").c_str());
        }
        const auto warm = machine.scan();
        RC_ASSERT(warm.has_value());
        LocalContext::Options alone;
        alone.path = machine.files().path();
        const auto cold = LocalContext::scan(alone, dockerfile::IgnoreRules(), {}, {});
        RC_ASSERT(cold.has_value());
        RC_ASSERT((*warm)->digest() == (*cold)->digest());
    }
}

}  // namespace
}  // namespace kiln::client
