// What a RUN sees of the host when it is lent to it, and what it may do there.

#include "tests/daemon/exec/sandbox_subject.hpp"
#include "tests/daemon/exec/test_layer.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace kiln::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string read(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

class Mounts : public ::testing::Test {
  protected:
    void SetUp() override {
        subject_ = make_sandbox_subject();
        if (!subject_.executor) {
            GTEST_SKIP() << subject_.skip;
        }
    }

    /// What /lent holds, of the user who runs the tests.
    std::string lent(const std::string& name = "") { return folder_.path("lent/" + name); }

    void lend_directory(const std::string& destination, bool read_only = false) {
        std::filesystem::create_directories(lent());
        lend(lent(), destination, read_only);
    }

    void lend(const std::string& source, const std::string& destination, bool read_only = false) {
        opened_.emplace_back(::open(source.c_str(), O_PATH | O_CLOEXEC));
        ASSERT_TRUE(opened_.back().is_open()) << source;
        mounts_.push_back(
            {.fd = opened_.back().get(), .destination = destination, .read_only = read_only}
        );
    }

    exec::RunSpec spec(std::vector<std::string> words) {
        exec::RunSpec spec;
        for (const TestLayer* layer : {&base_, &links_}) {
            EXPECT_THAT(subject_.executor->unpack(layer->unpack(), {}), Succeeds());
            spec.layers.push_back(layer->lower());
        }
        spec.arguments = {"/probe"};
        spec.arguments.insert(spec.arguments.end(), words.begin(), words.end());
        spec.network = exec::Network::none;
        spec.mounts = mounts_;
        spec.lender = {.uid = ::geteuid(), .gid = ::getegid()};
        return spec;
    }

    Result<std::unique_ptr<exec::Execution>> run(const exec::RunSpec& wanted) {
        return subject_.executor->run(wanted, output_, {});
    }

    /// The exit code of a command that could be started.
    int code_of(std::vector<std::string> words) {
        auto ended = run(spec(std::move(words)));
        EXPECT_THAT(ended, Succeeds());
        return ended ? (*ended)->outcome().exit_code : -1;
    }

    TestLayer base_ = probe_layer();
    TestLayer links_{
        {test_symlink("away", "/data"),
         test_directory("data"),
         test_symlink("data/up", "../../../../../../../../outside"),
         test_symlink("loop", "loop")}};
    TempDirectory folder_;
    std::vector<Fd> opened_;
    std::vector<exec::HostMount> mounts_;
    TestOutput output_;
    ExecutorSubject subject_;
};

TEST_F(Mounts, ShowADirectoryWhereTheImageHasNone) {
    lend_directory("/made/for/it");
    std::ofstream(lent("a")) << "of the host";

    EXPECT_EQ(code_of({"cat", "/made/for/it/a"}), 0);

    EXPECT_EQ(output_.output, "of the host");
}

TEST_F(Mounts, KeepWhatTheCommandWritesAndItBelongsToTheLender) {
    lend_directory("/data");

    EXPECT_EQ(code_of({"write", "/data/new", "text", ";", "mkdir", "/data/sub"}), 0)
        << output_.errors;

    EXPECT_EQ(read(lent("new")), "text");
    for (const char* name : {"new", "sub"}) {
        struct stat facts {};

        ASSERT_EQ(::stat(lent(name).c_str(), &facts), 0) << name;
        EXPECT_EQ(facts.st_uid, ::geteuid());
        EXPECT_EQ(facts.st_gid, ::getegid());
    }
}

TEST_F(Mounts, AreNoChangesOfTheImage) {
    lend_directory("/new/place");

    auto ended = run(spec({"write", "/new/place/x", "text"}));

    ASSERT_THAT(ended, Succeeds());
    TestChanges changes;
    EXPECT_THAT((*ended)->diff(changes, {}), Succeeds());
    EXPECT_THAT(changes.paths(), ::testing::IsEmpty());
}

TEST_F(Mounts, RefuseEveryWriteWhenReadOnly) {
    lend_directory("/data", true);
    std::ofstream(lent("a")) << "before";

    EXPECT_NE(code_of({"write", "/data/a", "after"}), 0);
    EXPECT_NE(code_of({"remove", "/data/a"}), 0);
    EXPECT_NE(code_of({"chmod", "/data/a", "777"}), 0);
    EXPECT_NE(code_of({"mkdir", "/data/sub"}), 0);

    EXPECT_THAT(output_.errors, HasSubstr("Read-only file system"));
    EXPECT_EQ(read(lent("a")), "before");
}

TEST_F(Mounts, ShowAFileAlone) {
    std::filesystem::create_directories(lent());
    std::ofstream(lent("a")) << "one";
    lend(lent("a"), "/etc/deep/settings");

    EXPECT_EQ(code_of({"cat", "/etc/deep/settings", ";", "write", "/etc/deep/settings", "two"}), 0);

    EXPECT_EQ(output_.output, "one");
    EXPECT_EQ(read(lent("a")), "two");
}

TEST_F(Mounts, FollowSymlinksWithinTheImageOnly) {
    std::filesystem::create_directories(lent());
    std::ofstream(lent("a")) << "seen";
    lend(lent(), "/away/here");
    lend(lent(), "/data/up");

    EXPECT_EQ(code_of({"cat", "/data/here/a", ";", "cat", "/outside/a"}), 0) << output_.errors;

    EXPECT_EQ(output_.output, "seenseen");
    EXPECT_FALSE(std::filesystem::exists("/outside"));
}

TEST_F(Mounts, LieBelowEachOther) {
    lend_directory("/outer");
    std::filesystem::create_directories(lent("inner"));
    const TempDirectory other;
    std::ofstream(other.path("b")) << "inner";
    lend(other.path(""), "/outer/inner");

    EXPECT_EQ(code_of({"cat", "/outer/inner/b"}), 0);

    EXPECT_EQ(output_.output, "inner");
}

TEST_F(Mounts, MakeNothingInWhatIsLent) {
    lend_directory("/outer");
    lend(lent(), "/outer/absent");

    EXPECT_THAT(
        run(spec({"exit", "0"})), FailsSaying(Code::invalid_input, "nothing is made in /outer")
    );

    EXPECT_FALSE(std::filesystem::exists(lent("absent")));
}

TEST_F(Mounts, RefusePlacesThatAreNotForThem) {
    for (const char* place : {"/", "/proc/1", "/sys/kernel", "/dev", "/loop", "/probe"}) {
        mounts_.clear();
        lend_directory(place);

        EXPECT_THAT(run(spec({"exit", "0"})), FailsWith(Code::invalid_input)) << place;
    }
}

TEST_F(Mounts, HaveNoDevicesAndNoSetuidPrograms) {
    lend_directory("/data");
    std::ofstream(lent("program")) << "x";
    ::chmod(lent("program").c_str(), 04755);
    if (::geteuid() == 0) {
        ASSERT_EQ(::mknod(lent("null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
        EXPECT_NE(code_of({"cat", "/data/null"}), 0);
        EXPECT_THAT(output_.errors, HasSubstr("Permission denied"));
    }
    EXPECT_EQ(code_of({"cat", "/proc/self/mountinfo"}), 0);

    EXPECT_THAT(output_.output, HasSubstr("/data rw,nosuid,nodev"));
}

TEST_F(Mounts, BelongToWhoeverTheCommandRunsAs) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root's kilnd can show files as another user's";
    }
    lend_directory("/data");
    std::ofstream(lent("a")) << "mine";
    ::chmod(lent("a").c_str(), 0600);
    auto wanted = spec({"stat", "/data/a", ";", "write", "/data/new", "text"});
    wanted.uid = 33;
    wanted.gid = 34;

    auto ended = run(wanted);

    ASSERT_THAT(ended, Succeeds());
    EXPECT_EQ((*ended)->outcome().exit_code, 0) << output_.errors;
    EXPECT_THAT(output_.output, HasSubstr("100600 33:34 4"));

    struct stat facts {};

    ASSERT_EQ(::stat(lent("new").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_uid, 0U);
}

TEST_F(Mounts, GiveNoMoreThanTheLenderHas) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "this needs files of two users";
    }
    lend_directory("/data");
    ::chmod(lent().c_str(), 0777);
    for (const auto& [name, mode] : {std::pair("open", 0666), std::pair("closed", 0600)}) {
        std::ofstream(lent(name)) << "of root";
        ::chmod(lent(name).c_str(), static_cast<mode_t>(mode));
    }
    auto wanted = spec({"cat", "/data/open", ";", "write", "/data/open", "changed"});
    wanted.lender = {.uid = 4321, .gid = 4321};

    auto ended = run(wanted);
    ASSERT_THAT(ended, Succeeds());
    EXPECT_NE((*ended)->outcome().exit_code, 0);
    wanted.arguments = {"/probe", "cat", "/data/closed"};
    ended = run(wanted);
    ASSERT_THAT(ended, Succeeds());
    EXPECT_NE((*ended)->outcome().exit_code, 0);

    EXPECT_EQ(output_.output, "of root");
    EXPECT_EQ(read(lent("open")), "of root");
}

TEST_F(Mounts, AreRefusedToAnotherUserByAnOrdinaryUsersKilnd) {
    if (::geteuid() == 0) {
        GTEST_SKIP() << "root may lend what is anyone's";
    }
    lend_directory("/data");
    auto wanted = spec({"exit", "0"});
    wanted.lender.uid += 1;

    EXPECT_THAT(run(wanted), FailsWith(Code::permission));
}

TEST_F(Mounts, StayBehindNowhere) {
    lend_directory("/data");
    const std::string before = read("/proc/self/mountinfo");

    EXPECT_EQ(code_of({"exit", "0"}), 0);

    EXPECT_EQ(read("/proc/self/mountinfo"), before);
    EXPECT_THAT(before, Not(HasSubstr(lent())));
}

TEST_F(Mounts, ComeWithADirectoryToWorkIn) {
    auto wanted = spec({"id"});
    wanted.make_working_directory = true;

    for (const char* directory : {"/not/there/yet", "/", "/proc", "/dev"}) {
        wanted.working_directory = directory;
        EXPECT_THAT(run(wanted), Succeeds()) << directory;
        EXPECT_THAT(output_.output, HasSubstr(std::string("\n") + directory + "\n"));
    }
}

struct Pipe {
    Pipe() {
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        out = Fd(ends[0]);
        in = Fd(ends[1]);
    }

    std::array<int, 2> ends{};
    Fd out;
    Fd in;
};

TEST_F(Mounts, GoWithAStdinOfTheClients) {
    Pipe pipe;
    EXPECT_THAT(write_all(pipe.in.get(), as_bytes("from outside")), Succeeds());
    pipe.in = Fd();
    auto wanted = spec({"cat", "-"});
    wanted.input = pipe.out.get();

    EXPECT_THAT(run(wanted), Succeeds());

    EXPECT_EQ(output_.output, "from outside") << output_.errors;
}

TEST_F(Mounts, GoWithSignalsForTheCommand) {
    const Pipe pipe;
    const std::array<std::byte, 3> numbers{
        std::byte{SIGKILL}, std::byte{200}, std::byte{SIGTERM}};  // only the last one is passed on
    EXPECT_THAT(write_all(pipe.in.get(), numbers), Succeeds());
    auto wanted = spec({"wait"});
    wanted.signals = pipe.out.get();

    auto ended = run(wanted);

    ASSERT_THAT(ended, Succeeds());
    EXPECT_EQ((*ended)->outcome().signal, SIGTERM);
}

}  // namespace
}  // namespace kiln::testing
