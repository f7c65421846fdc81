#include "daemon/exec/worker_process.hpp"

#include "daemon/exec/message.hpp"
#include "daemon/exec/program.hpp"
#include "daemon/exec/worker.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <csignal>
#include <utility>

namespace kiln::exec {
namespace {

Check identity_check(const Identity& identity) {
    std::string ranges;
    for (const IdRange& range : identity.uids) {
        ranges += fmt::format(
            "{}{}-{} are the host's {}-{}",
            ranges.empty() ? "ids " : ", ",
            range.inside,
            range.inside + range.count - 1,
            range.outside,
            range.outside + range.count - 1
        );
    }
    const bool enough = identity.by != MapBy::own_id;
    return {
        .name = "ids of the sandbox",
        .ok = enough,
        .detail = enough ? ranges : fmt::format("{}; {}", ranges, identity.note)};
}

}  // namespace

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(
    const std::string& program,
    const Fd& directory,
    const Identity& identity,
    std::vector<Check>& checks
) {
    TRY_ASSIGN(auto ends, Channel::pair());
    const Program worker{
        .arguments = {"kiln-sandbox", k_worker_argument},
        .file = program,
        .descriptors = {-1, STDERR_FILENO, STDERR_FILENO, ends.second.fd(), directory.get()}};
    TRY_ASSIGN(const pid_t process, start_program(worker), "while starting the sandbox's worker");
    { const Channel closed = std::move(ends.second); }
    std::unique_ptr<WorkerProcess> started(new WorkerProcess(std::move(ends.first), process));
    checks.push_back(identity_check(identity));
    TRY(started->introduce(identity, checks));
    return started;
}

Result<void> WorkerProcess::introduce(const Identity& identity, std::vector<Check>& checks) {
    const auto introduced = [&]() -> Result<void> {
        TRY(control_.send(MessageType::hello));
        TRY(expect(control_.receive(), MessageType::unshared));
        TRY(write_identity(process_, identity));
        TRY(control_.send(MessageType::mapped));
        TRY_ASSIGN(Message ready, expect(control_.receive(), MessageType::ready));
        if (ready.descriptors.size() != 1) {
            return fail(Code::corrupt, "the sandbox's worker is ready without its namespace");
        }
        users_ = std::move(ready.descriptors.front());
        TRY_ASSIGN(const auto found, parse_checks(ready.payload));
        checks.insert(checks.end(), found.begin(), found.end());
        return {};
    }();
    if (!introduced) {
        const Error& error = introduced.error();
        checks.push_back(
            {.name = "sandbox",
             .ok = false,
             .detail = error.hint.empty() ? error.render() : error.render() + ": " + error.hint}
        );
    }
    return introduced;
}

WorkerProcess::~WorkerProcess() {
    control_.close_sending();
    // It may be in the middle of starting; its sessions die with it in either case.
    ::kill(process_, SIGKILL);
    wait_for(process_);
}

Result<Channel> WorkerProcess::open_session(std::span<const LowerLayer> layers) {
    for (const LowerLayer& layer : layers) {
        if (!tables_.contains(layer.diff_id)) {
            const ByteSpan name = layer.diff_id.raw();
            TRY(control_.send(MessageType::table, name, std::span(&layer.table_fd, 1)));
            tables_.insert(layer.diff_id);
        }
    }
    TRY_ASSIGN(auto ends, Channel::pair());
    const int other = ends.second.fd();
    TRY(control_.send(MessageType::session, {}, std::span(&other, 1)));
    return std::move(ends.first);
}

void WorkerProcess::forget_table(const Digest& diff_id) {
    if (tables_.erase(diff_id) > 0) {
        // Were the worker dead, its successor would not know the table either.
        static_cast<void>(control_.send(MessageType::forget, diff_id.raw()));
    }
}

}  // namespace kiln::exec
