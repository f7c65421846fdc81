// A RUN that wants out: every way that attacks.cpp knows must be refused, with every network.

#include "tests/daemon/exec/sandbox_subject.hpp"
#include "tests/daemon/exec/test_layer.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <sstream>

namespace kiln::testing {
namespace {

struct HostileCase {
    std::string name;
    exec::Network network;
    std::string pasta = "pasta";

    friend std::ostream& operator<<(std::ostream& out, const HostileCase& each) {
        return out << each.name;
    }
};

class HostileRun : public ::testing::TestWithParam<HostileCase> {
  protected:
    void SetUp() override {
        subject_ = make_sandbox_subject_with(GetParam().pasta);
        if (!subject_.executor) {
            GTEST_SKIP() << subject_.skip;
        }
    }

    std::unique_ptr<exec::Execution> run(std::vector<std::string> words, std::uint32_t uid = 0) {
        EXPECT_THAT(subject_.executor->unpack(base_.unpack(), {}), Succeeds());
        exec::RunSpec spec;
        spec.layers = {base_.lower()};
        spec.arguments = std::move(words);
        spec.network = GetParam().network;
        spec.uid = uid;
        spec.gid = uid;
        output_.output.clear();
        output_.errors.clear();
        auto ended = subject_.executor->run(spec, output_, {});
        EXPECT_THAT(ended, Succeeds());
        return ended ? *std::move(ended) : nullptr;
    }

    TestLayer base_ = probe_layer();
    TestOutput output_;
    ExecutorSubject subject_;
};

/// A listening abstract socket of the host.
class AbstractSocket {
  public:
    AbstractSocket()
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        constexpr char k_name[] = "\0kiln-test-abstract";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, k_name, sizeof k_name - 1);
        const auto size =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + sizeof k_name - 1);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(fd_.get(), 8), 0);
    }

  private:
    Fd fd_;
};

TEST_P(HostileRun, GetsNowhere) {
    const AbstractSocket socket;
    ASSERT_TRUE(run({"/probe", "attack", "list"}));
    std::istringstream names(output_.output);

    for (std::string name; names >> name;) {
        // The host's network was asked for, or an own network may be listened to.
        const bool host = GetParam().network == exec::Network::host;
        const bool granted =
            host ? name == "abstract-socket" : GetParam().pasta != "" && name == "packet-socket";
        if (granted) {
            continue;
        }
        const auto ended = run({"/probe", "attack", name});
        ASSERT_TRUE(ended);
        EXPECT_TRUE(ended->outcome().succeeded()) << name << ": " << output_.output;
    }
}

/// A listening TCP port of the host's loopback.
class LoopbackPort {
  public:
    LoopbackPort()
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(fd_.get(), generic, size), 0);
        EXPECT_EQ(::listen(fd_.get(), 8), 0);
        EXPECT_EQ(::getsockname(fd_.get(), generic, &size), 0);
        port_ = ntohs(address.sin_port);
    }

    [[nodiscard]] std::string port() const { return std::to_string(port_); }

  private:
    Fd fd_;
    in_port_t port_ = 0;
};

TEST_P(HostileRun, ReachesTheHostsLoopbackOnlyWhereTheNetworkIsShared) {
    const LoopbackPort port;
    const bool shared = GetParam().network == exec::Network::host || GetParam().pasta.empty();
    std::string network;
    for (const exec::Check& check : subject_.executor->describe().checks) {
        network += check.name == "pasta" && !check.ok ? check.detail : "";
    }
    if (GetParam().network == exec::Network::standard && !shared && !network.empty()) {
        GTEST_SKIP() << network;
    }

    ASSERT_TRUE(run({"/probe", "reach", port.port()}));

    EXPECT_EQ(output_.output, shared ? "by 127.0.0.1\n" : "");
}

TEST_P(HostileRun, LeavesFilesThatNobodyElseOfTheHostCanReach) {
    ASSERT_TRUE(run({"/probe", "exit", "0"}));

    struct stat facts {};

    ASSERT_EQ(::stat(subject_.store.c_str(), &facts), 0);

    EXPECT_EQ(facts.st_mode & 07777U, 0700U);
}

TEST_P(HostileRun, SeesOnlyItsOwnProcesses) {
    const auto ended = run({"/probe", "cat", "/proc/self/status"});

    ASSERT_TRUE(ended);
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nNSpid:\t2\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nPid:\t2\n"));
}

TEST_P(HostileRun, HasDockersCapabilitiesAsRootAndNoneAsAUser) {
    ASSERT_TRUE(run({"/probe", "cat", "/proc/self/status"}));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nCapInh:\t0000000000000000\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nCapPrm:\t00000000a80425fb\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nCapEff:\t00000000a80425fb\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nCapBnd:\t00000000a80425fb\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nSeccomp:\t2\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nNoNewPrivs:\t0\n"));

    if (subject_.has_one_id) {
        return;  // there is no other user to be
    }
    ASSERT_TRUE(run({"/probe", "cat", "/proc/self/status"}, 1000));

    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nCapPrm:\t0000000000000000\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nCapEff:\t0000000000000000\n"));
    EXPECT_THAT(output_.output, ::testing::HasSubstr("\nCapBnd:\t00000000a80425fb\n"));
}

TEST_P(HostileRun, LeavesNoProcessBehind) {
    const auto ended = run({"/probe", "orphan", ";", "exit", "0"});

    // The pipes would stay open, and run() would not have returned.
    ASSERT_TRUE(ended);
    EXPECT_TRUE(ended->outcome().succeeded());
}

TEST_P(HostileRun, CannotMakeAFileThatTheHostRunsAsRoot) {
    auto ended = run({"/probe", "write", "/data/tool", "x", ";", "chmod", "/data/tool", "4755"});
    ASSERT_TRUE(ended);
    TestChanges changes;
    ASSERT_THAT(ended->diff(changes, {}), Succeeds());

    // In the layer it is root's, as the image wants it.
    ASSERT_NE(changes.find("data/tool"), nullptr);
    EXPECT_EQ(changes.find("data/tool")->entry.mode, 04755U);
    EXPECT_EQ(changes.find("data/tool")->entry.uid, 0U);
}

std::string case_name(const ::testing::TestParamInfo<HostileCase>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    ,
    HostileRun,
    ::testing::Values(
        HostileCase{.name = "StandardWithPasta", .network = exec::Network::standard},
        HostileCase{
            .name = "StandardWithoutPasta", .network = exec::Network::standard, .pasta = ""},
        HostileCase{.name = "None", .network = exec::Network::none},
        HostileCase{.name = "Host", .network = exec::Network::host}
    ),
    case_name
);

}  // namespace
}  // namespace kiln::testing
