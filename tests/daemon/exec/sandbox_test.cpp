// What the sandbox holds beyond the conformance of every executor.

#include "daemon/exec/program.hpp"
#include "tests/daemon/exec/sandbox_subject.hpp"
#include "tests/daemon/exec/test_layer.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace kiln::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Sandbox : public ::testing::Test {
  protected:
    void SetUp() override {
        subject_ = make_sandbox_subject();
        if (!subject_.executor) {
            GTEST_SKIP() << subject_.skip;
        }
    }

    exec::Executor& executor() { return *subject_.executor; }

    exec::RunSpec spec(std::vector<std::string> words) {
        exec::RunSpec spec;
        spec.layers = {base_.lower()};
        spec.arguments = std::move(words);
        spec.network = exec::Network::none;
        return spec;
    }

    /// Layers above the base, unpacked.
    exec::RunSpec spec_on(
        const std::vector<const TestLayer*>& layers, std::vector<std::string> words
    ) {
        exec::RunSpec made = spec(std::move(words));
        for (const TestLayer* layer : layers) {
            EXPECT_THAT(executor().unpack(layer->unpack(), {}), Succeeds());
            made.layers.push_back(layer->lower());
        }
        return made;
    }

    std::unique_ptr<exec::Execution> run(const exec::RunSpec& wanted) {
        EXPECT_THAT(executor().unpack(base_.unpack(), {}), Succeeds());
        auto ended = executor().run(wanted, output_, {});
        EXPECT_THAT(ended, Succeeds());
        return ended ? *std::move(ended) : nullptr;
    }

    const TestChanges& changes_of(exec::Execution& ended) {
        EXPECT_THAT(ended.diff(changes_, {}), Succeeds());
        return changes_;
    }

    TestLayer base_ = probe_layer();
    TestOutput output_;
    TestChanges changes_;
    ExecutorSubject subject_;
};

TEST_F(Sandbox, GivesTheEnvironmentExactly) {
    exec::RunSpec wanted = spec({"/probe", "env"});
    wanted.environment = {"A=1", "PATH=/bin", "EMPTY="};

    ASSERT_TRUE(run(wanted));

    EXPECT_EQ(output_.output, "A=1\nPATH=/bin\nEMPTY=\n");
}

TEST_F(Sandbox, FindsTheCommandInTheImagesPath) {
    exec::RunSpec wanted = spec({"tool", "echo", "found"});
    wanted.environment = {"PATH=/nowhere:/bin"};

    ASSERT_TRUE(run(wanted));

    EXPECT_EQ(output_.output, "found\n");
}

TEST_F(Sandbox, RunsInTheDirectoryWithTheHostName) {
    exec::RunSpec wanted = spec({"/probe", "id"});
    wanted.working_directory = "/data";
    wanted.hostname = "builder";

    ASSERT_TRUE(run(wanted));

    EXPECT_EQ(output_.output, "0:0\n/data\nbuilder\n");
}

TEST_F(Sandbox, NamesTheDirectoryThatTheImageLacks) {
    exec::RunSpec wanted = spec({"/probe", "exit", "0"});
    wanted.working_directory = "/no/such";
    ASSERT_THAT(executor().unpack(base_.unpack(), {}), Succeeds());

    EXPECT_THAT(executor().run(wanted, output_, {}), FailsSaying(Code::not_found, "/no/such"));
}

TEST_F(Sandbox, ShowsHostsAndResolvConfButKeepsThemOutOfTheLayer) {
    exec::RunSpec wanted = spec(
        {"/probe",
         "cat",
         "/etc/hosts",
         ";",
         "cat",
         "/etc/resolv.conf",
         ";",
         "append",
         "/etc/hosts",
         "more",
         ";",
         "write",
         "/etc/own",
         "x"}
    );
    wanted.hosts = "127.0.0.1 me\n";
    wanted.resolv_conf = "nameserver 192.0.2.1\n";

    const auto ended = run(wanted);
    ASSERT_TRUE(ended);

    EXPECT_EQ(output_.output, "127.0.0.1 me\nnameserver 192.0.2.1\n");
    EXPECT_THAT(changes_of(*ended).paths(), ElementsAre("etc", "etc/own"));
}

TEST_F(Sandbox, LeavesNoMountPointBehindWhenTheCommandDoesNothing) {
    const auto ended = run(spec({"/probe", "exit", "0"}));
    ASSERT_TRUE(ended);

    EXPECT_THAT(changes_of(*ended).paths(), IsEmpty());
}

TEST_F(Sandbox, LeavesNoMountPointBehindThatTheCommandMovedAway) {
    const auto ended = run(spec({"/probe", "rename", "/etc", "/elsewhere"}));
    ASSERT_TRUE(ended);

    EXPECT_THAT(changes_of(*ended).paths(), Not(Contains(HasSubstr("hosts"))));
}

TEST_F(Sandbox, FollowsALinkThatIsTheImagesResolvConf) {
    const TestLayer linked(
        {test_directory("etc"), test_symlink("etc/resolv.conf", "../run/resolve/stub.conf")}
    );
    exec::RunSpec wanted = spec_on({&linked}, {"/probe", "cat", "/etc/resolv.conf"});
    wanted.resolv_conf = "nameserver 192.0.2.1\n";

    const auto ended = run(wanted);
    ASSERT_TRUE(ended);

    EXPECT_EQ(output_.output, "nameserver 192.0.2.1\n");
    EXPECT_THAT(changes_of(*ended).paths(), IsEmpty());
}

TEST_F(Sandbox, NeverFollowsALinkOutOfTheImage) {
    const std::string outside = "/tmp/kiln-test-outside-" + std::to_string(::getpid());
    const TestLayer linked({test_directory("etc"), test_symlink("etc/resolv.conf", outside)});

    ASSERT_TRUE(run(spec_on({&linked}, {"/probe", "exit", "0"})));

    EXPECT_FALSE(std::filesystem::exists(outside));
}

TEST_F(Sandbox, RefusesAnImageWhoseProcIsALink) {
    const TestLayer linked({test_symlink("proc", "data")});
    const exec::RunSpec wanted = spec_on({&linked}, {"/probe", "exit", "0"});
    ASSERT_THAT(executor().unpack(base_.unpack(), {}), Succeeds());

    EXPECT_THAT(executor().run(wanted, output_, {}), FailsSaying(Code::invalid_input, "/proc"));
}

TEST_F(Sandbox, StandsOn120Layers) {
    std::vector<TestLayer> layers;
    std::vector<const TestLayer*> pointers;
    for (int i = 0; i < 119; ++i) {
        const std::string name = "layer" + std::to_string(i);
        layers.push_back(TestLayer({test_file(name, "own"), test_file("top", name)}));
    }
    for (const TestLayer& layer : layers) {
        pointers.push_back(&layer);
    }

    ASSERT_TRUE(run(
        spec_on(pointers, {"/probe", "cat", "/layer0", ";", "cat", "/layer118", ";", "cat", "/top"})
    ));

    EXPECT_EQ(output_.output, "ownownlayer118");
}

TEST_F(Sandbox, ShowsADirectoryAsTheLayerThatListsItHasIt) {
    // As conda packages: nothing above the prefix is listed.
    const TestLayer implying({test_file("tmp/env/x", "own")});

    const auto ended =
        run(spec_on({&implying}, {"/probe", "stat", "/tmp", ";", "stat", "/tmp/env"}));

    ASSERT_TRUE(ended);
    EXPECT_THAT(output_.output, HasSubstr("41777 0:0"));
    EXPECT_THAT(output_.output, HasSubstr("1000000000\n40755 0:0"));
    EXPECT_THAT(changes_of(*ended).paths(), IsEmpty());
}

TEST_F(Sandbox, KeepsNoDirectoryThatTheLayerDoesNotList) {
    const TestLayer implying({test_file("tmp/env/x", "own")});
    const TestLayer made({test_directory(""), test_file("made", "x")});
    const auto ended = run(spec_on({&implying}, {"/probe", "write", "/made", "x"}));
    ASSERT_TRUE(ended);
    changes_of(*ended);
    ASSERT_THAT(ended->keep(made.diff_id()), Succeeds());

    exec::RunSpec again = spec({"/probe", "stat", "/tmp"});
    again.layers.push_back(made.lower());
    ASSERT_TRUE(run(again));

    EXPECT_THAT(output_.output, HasSubstr("41777 0:0"));
    const std::filesystem::path kept = subject_.store + "/" + made.diff_id().hex() + "/fs";
    EXPECT_FALSE(std::filesystem::exists(kept / "tmp"));
    EXPECT_FALSE(std::filesystem::exists(kept / "etc"));
}

TEST_F(Sandbox, HidesWhatAnUpperLayerDeletes) {
    const TestLayer deleting({test_directory("data"), test_file("data/.wh.a", "", 0)});

    const auto ended = run(spec_on({&deleting}, {"/probe", "stat", "/data/a"}));

    ASSERT_TRUE(ended);
    EXPECT_FALSE(ended->outcome().succeeded());
}

TEST_F(Sandbox, GivesBackLargeOutputWhole) {
    ASSERT_TRUE(run(spec({"/probe", "flood", "20000"})));

    EXPECT_EQ(std::count(output_.output.begin(), output_.output.end(), '\n'), 20000);
}

TEST_F(Sandbox, TellsFilesOfAnySizeWithTheirContent) {
    const std::string large(300'000, 'x');
    const auto ended = run(spec(
        {"/probe",
         "write",
         "/small",
         "s",
         ";",
         "write",
         "/large",
         large.substr(0, 100'000),
         ";",
         "append",
         "/large",
         large.substr(0, 100'000),
         ";",
         "append",
         "/large",
         large.substr(0, 100'000)}
    ));
    ASSERT_TRUE(ended);

    const TestChanges& changes = changes_of(*ended);

    ASSERT_NE(changes.find("large"), nullptr);
    EXPECT_EQ(changes.find("large")->content, large);
    EXPECT_EQ(changes.find("small")->content, "s");
}

TEST_F(Sandbox, SurvivesTheDeathOfItsWorker) {
    ASSERT_THAT(executor().unpack(base_.unpack(), {}), Succeeds());
    const std::string self = std::to_string(::getpid());
    std::ifstream children("/proc/self/task/" + self + "/children");
    pid_t worker = 0;
    ASSERT_TRUE(children >> worker);

    ASSERT_EQ(::kill(worker, SIGKILL), 0);

    // Whoever comes while it dies is told; the next one gets another worker.
    Result<std::unique_ptr<exec::Execution>> ended;
    for (int i = 0; i < 100 && !ended; ++i) {
        ended = executor().run(spec({"/probe", "exit", "0"}), output_, {});
    }
    EXPECT_THAT(ended, Succeeds());
}

TEST_F(Sandbox, TellsARunWhoseWorkerDied) {
    ASSERT_THAT(executor().unpack(base_.unpack(), {}), Succeeds());
    const std::string self = std::to_string(::getpid());
    std::ifstream children("/proc/self/task/" + self + "/children");
    pid_t worker = 0;
    ASSERT_TRUE(children >> worker);

    class Killer final : public exec::OutputSink {
      public:
        explicit Killer(pid_t worker)
            : worker_(worker) {}

        void write(exec::Stream, ByteSpan) override { ::kill(worker_, SIGKILL); }

      private:
        pid_t worker_;
    };

    Killer killer(worker);
    EXPECT_THAT(
        executor().run(spec({"/probe", "echo", "x", ";", "wait"}), killer, {}),
        FailsWith(Code::internal)
    );
}

TEST_F(Sandbox, RemovesWhatACrashLeft) {
    ASSERT_THAT(executor().unpack(base_.unpack(), {}), Succeeds());
    const auto names = executor().layers();

    ASSERT_THAT(names, Succeeds());
    EXPECT_EQ(names->size(), 1U);
    EXPECT_GT(names->front().size_bytes, 0U);
    EXPECT_GT(names->front().last_use, 0);
}

/// The whole program once more as an ordinary user with a range of ids (tests/setup adds one).
TEST(SandboxOfAnOrdinaryUser, HoldsEverythingToo) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "this is an ordinary user already";
    }
    for (const char* user : {"kiln-test", "nobody"}) {
        const passwd* entry = ::getpwnam(user);
        if (entry == nullptr) {
            GTEST_LOG_(INFO) << "there is no user " << user << " (tests/setup adds it)";
            continue;
        }
        const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
        const auto child = exec::start_program(
            {.arguments =
                 {"setpriv",
                  "--reuid=" + std::to_string(entry->pw_uid),
                  "--regid=" + std::to_string(entry->pw_gid),
                  "--clear-groups",
                  "--inh-caps=-all",
                  self,
                  "--gtest_brief=1",
                  "--gtest_filter=*Sandbox*:HostileRun*"},
             .descriptors = {-1, STDOUT_FILENO, STDERR_FILENO}}
        );
        ASSERT_THAT(child, Succeeds());
        EXPECT_EQ(exec::wait_for(*child), 0) << "as " << user;
    }
}

}  // namespace
}  // namespace kiln::testing
