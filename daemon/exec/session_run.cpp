#include "daemon/exec/implied.hpp"
#include "daemon/exec/init.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/program.hpp"
#include "daemon/exec/session.hpp"
#include "daemon/exec/session_diff.hpp"
#include "daemon/exec/watch.hpp"
#include "layers/tree/file_tree.hpp"
#include "layers/tree/whiteout.hpp"
#include "store/base/clock.hpp"
#include "store/base/pipe.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>

namespace kiln::exec {
namespace {

constexpr std::uint64_t k_namespaces =
    CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

/// What a RUN has on disk: RUN/fs is the upper directory.
Result<void> make_run_directory(const std::string& run, const RunSpec& spec) {
    for (const std::string& folder : {run, run + "/fs", run + "/work"}) {
        if (::mkdir(folder.c_str(), 0700) != 0) {
            return fail_errno(folder);
        }
    }
    const std::array<std::pair<const char*, std::string_view>, 2> files{
        std::pair("hosts", std::string_view(*spec.hosts)),
        std::pair("resolv.conf", std::string_view(*spec.resolv_conf))};
    for (const auto& [name, text] : files) {
        const std::string path = fmt::format("{}/{}", run, name);
        const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        if (!file.is_open()) {
            return fail_errno(path);
        }
        TRY(write_all(file.get(), as_bytes(text)));
    }
    return {};
}

Result<std::vector<std::string>> lower_names(const RunSpec& spec) {
    std::vector<std::string> names;
    for (const LowerLayer& layer : spec.layers) {
        names.push_back(layer.diff_id.hex() + "/fs");
        if (::access(names.back().c_str(), F_OK) != 0) {
            return fail(Code::not_found, "layer {} is not unpacked", layer.diff_id.render());
        }
    }
    if (names.empty()) {
        names.emplace_back(k_empty_folder);
    }
    return names;
}

std::vector<PlacedTree> trees_of(const RunSpec& spec) {
    std::vector<PlacedTree> trees;
    for (const HostMount& mounted : spec.mounts) {
        trees.push_back({.tree = mounted.fd, .destination = mounted.destination});
    }
    return trees;
}

/// False when no more will come.
bool pass_on_signal(int signals, pid_t init) {
    std::byte number{};
    ssize_t count = -1;
    do {
        count = ::read(signals, &number, 1);
    } while (count < 0 && errno == EINTR);
    if (count != 1) {
        return count < 0 && errno == EAGAIN;
    }
    if (is_forwarded(std::to_integer<int>(number))) {
        ::kill(init, std::to_integer<int>(number));
    }
    return true;
}

/// One RUN, from its order to the end of the command.
class Run {
  public:
    Run(Channel& channel, const RunSpec& spec, const SessionTools& tools, std::string directory)
        : channel_(channel),
          spec_(spec),
          tools_(tools),
          directory_(std::move(directory)) {}

    /// The status of waitpid(2).
    Result<int> execute(bool shares_network);

    [[nodiscard]] const std::vector<Stub>& stubs() const { return stubs_; }

  private:
    Result<pid_t> start_init(bool shares_network, Channel& report);
    Result<int> follow(pid_t init, Channel& report);
    Result<std::optional<int>> hear(Channel& report);

    Channel& channel_;
    const RunSpec& spec_;
    const SessionTools& tools_;
    std::string directory_;
    std::vector<Stub> stubs_;
};

Result<int> Run::execute(bool shares_network) {
    TRY_ASSIGN(auto reports, Channel::pair());
    TRY_ASSIGN(const pid_t init, start_init(shares_network, reports.second));
    // Only pid 1 holds the other end from now on: when it dies, that is heard.
    { const Channel closed = std::move(reports.second); }
    auto status = follow(init, reports.first);
    // The pid namespace is empty only after this.
    ::kill(init, SIGKILL);
    int ended = 0;
    while (::waitpid(init, &ended, 0) < 0 && errno == EINTR) {
    }
    TRY_ASSIGN(const Fd upper, open_directory(directory_ + "/fs"));
    TRY(remove_stubs(upper.get(), stubs_));
    return status;
}

Result<pid_t> Run::start_init(bool shares_network, Channel& report) {
    TRY_ASSIGN(Pipe output, Pipe::make());
    TRY_ASSIGN(Pipe errors, Pipe::make());
    TRY_ASSIGN(Pipe leash, Pipe::make());
    for (const Pipe* pipe : {&output, &errors}) {
        // So that the command may open /dev/stdout again. Fails for ids that aren't mapped, which
        // are told as such later.
        [[maybe_unused]] const int owned = ::fchown(pipe->write_end.get(), spec_.uid, spec_.gid);
    }
    const std::array<int, 2> readers{output.read_end.get(), errors.read_end.get()};
    TRY(channel_.send(MessageType::started, {}, readers));
    TRY_ASSIGN(auto lowers, lower_names(spec_));
    const bool own_network = spec_.network == Network::none || shares_network;
    const RootfsPlan rootfs{
        .overlay =
            {.lowers = std::move(lowers),
             .upper = directory_ + "/fs",
             .work = directory_ + "/work",
             .target = k_mount_folder},
        .own_network = own_network,
        .has_tty_group = tools_.has_many_ids,
        .hosts_file = directory_ + "/hosts",
        .resolv_file = directory_ + "/resolv.conf",
        .trees = trees_of(spec_),
        .made_directory = spec_.make_working_directory ? spec_.working_directory : std::string()};
    const bool scoped = !own_network && spec_.network == Network::standard;
    const InitPlan plan{
        .spec = spec_,
        .rootfs = rootfs,
        .filter = tools_.filter,
        .scope = scoped && tools_.can_scope_sockets ? ScopeSockets::yes : ScopeSockets::no,
        .loopback = spec_.network == Network::none,
        .output = output.write_end.get(),
        .errors = errors.write_end.get(),
        .leash = leash.read_end.get(),
        .report = report.fd()};
    // Blocked from its first moment on: one that comes before the command runs is not lost.
    const ForwardedSignals blocked;
    const pid_t init =
        fork_into(k_namespaces | (spec_.network == Network::none ? CLONE_NEWNET : 0U));
    if (init < 0) {
        return fail_errno("make the namespaces of a RUN");
    }
    if (init == 0) {
        leash.write_end = Fd();
        be_init(plan);
    }
    const std::byte alive{1};
    TRY(write_all(leash.write_end.get(), ByteSpan(&alive, 1)));
    return init;
}

Result<int> Run::follow(pid_t init, Channel& report) {
    if (spec_.signals >= 0) {
        // The other end is a stranger's, who might leave less in it than poll(2) promised.
        ::fcntl(spec_.signals, F_SETFL, O_NONBLOCK);
    }
    std::array<pollfd, 3> watched{
        pollfd{.fd = report.fd(), .events = POLLIN, .revents = 0},
        pollfd{.fd = channel_.fd(), .events = POLLRDHUP, .revents = 0},
        pollfd{.fd = spec_.signals, .events = POLLIN, .revents = 0}};
    while (true) {
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            continue;
        }
        if (watched[1].revents != 0) {
            ::kill(init, SIGKILL);
            return fail(Code::cancelled, "cancelled");
        }
        if (watched[2].revents != 0 && !pass_on_signal(spec_.signals, init)) {
            watched[2].fd = -1;
        }
        if (watched[0].revents == 0) {
            continue;
        }
        TRY_ASSIGN(const auto status, hear(report));
        if (status) {
            return *status;
        }
    }
}

Result<std::optional<int>> Run::hear(Channel& report) {
    auto message = report.receive();
    if (!message) {
        return fail(Code::internal, "the first process of a RUN was killed");
    }
    if (message->type == MessageType::failed) {
        return fail(parse_error(message->payload));
    }
    PayloadReader in(message->payload);
    if (message->type == MessageType::ended) {
        const int status = static_cast<int>(in.number());
        TRY(in.finish());
        return std::optional(status);
    }
    stubs_.resize(in.count());
    for (Stub& stub : stubs_) {
        stub.path = in.text();
        stub.inode = in.number();
    }
    TRY(in.finish());
    return std::optional<int>();
}

/// What the RUN stands on, as the tables say it.
struct Lower {
    tree::FileTree tree;
    std::vector<std::string> implied;
};

Result<Lower> open_lower(const RunSpec& spec, const SessionTools& tools) {
    std::vector<std::shared_ptr<const TableOfContents>> tables;
    std::vector<std::string> implied;
    for (const LowerLayer& layer : spec.layers) {
        const auto found = tools.tables.find(layer.diff_id);
        if (found == tools.tables.end()) {
            return fail(Code::internal, "layer {} came without its table", layer.diff_id.render());
        }
        TRY_ASSIGN(const KnownTable known, found->second, "in {}", layer.diff_id.render());
        tables.push_back(known.table);
        implied.insert(implied.end(), known.implied.begin(), known.implied.end());
    }
    return Lower{.tree = tree::FileTree(std::move(tables)), .implied = std::move(implied)};
}

Result<void> join_network(const Fd& network) {
    if (::setns(network.get(), CLONE_NEWNET) != 0) {
        return fail_errno("join the build's network");
    }
    return {};
}

}  // namespace

Result<void> serve_run(Channel& channel, const Message& order, const SessionTools& tools) {
    TRY_ASSIGN(RunOrder parsed, parse_run(order.payload));
    TRY(parsed.adopt(order.descriptors));
    const RunSpec& spec = parsed.spec;
    if (!spec.hosts || !spec.resolv_conf) {
        return fail(Code::corrupt, "an order to run is not complete");
    }
    TRY_ASSIGN(const Lower lower, open_lower(spec, tools));
    if (parsed.shares_network) {
        TRY(join_network(order.descriptors.front()));
    }
    FreshDirectory fresh(fresh_name(".run-"));
    TRY(make_run_directory(fresh.name(), spec));
    TRY_ASSIGN(const Fd upper, open_directory(fresh.name() + "/fs"));
    TRY_ASSIGN(auto bare, make_upper_like(upper.get(), lower.tree, lower.implied));
    const UnixSeconds started = SystemClock().now();
    Run run(channel, spec, tools, fresh.name());
    const auto status = run.execute(parsed.shares_network);
    if (!status) {
        // Told before the directory goes: a cancel shall not wait for that.
        return channel.send(MessageType::failed, render_error(status.error()));
    }
    PayloadWriter payload;
    payload.number(static_cast<std::uint64_t>(WIFSIGNALED(*status) ? 0 : WEXITSTATUS(*status)));
    payload.number(static_cast<std::uint64_t>(WIFSIGNALED(*status) ? WTERMSIG(*status) : 0));
    TRY(channel.send(MessageType::ended, payload.bytes()));
    for (const Stub& stub : run.stubs()) {
        bare.emplace_back(tree::parent_of(stub.path));
    }
    Changes changes{
        .spec = spec, .lower = lower.tree, .started = started, .run = fresh, .bare = bare};
    return serve_changes(channel, changes);
}

}  // namespace kiln::exec
