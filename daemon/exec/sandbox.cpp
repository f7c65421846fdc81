#include "daemon/exec/sandbox.hpp"

#include "daemon/exec/execution.hpp"
#include "daemon/exec/identity.hpp"
#include "daemon/exec/layers_in_use.hpp"
#include "daemon/exec/lent_mounts.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/networks.hpp"
#include "daemon/exec/watch.hpp"
#include "daemon/exec/worker_process.hpp"
#include "store/base/stop.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <set>
#include <span>
#include <utility>

namespace kiln::exec {
namespace {

constexpr std::size_t k_size_bytes = 32;

class Sandbox final : public Executor {
  public:
    Sandbox(SandboxOptions options, Fd directory, Identity identity, Log& log)
        : options_(std::move(options)),
          directory_(std::move(directory)),
          identity_(std::move(identity)),
          log_(log),
          networks_(
              options_.worker_program, options_.pasta, [this] { return open_session(); }, log
          ) {}

    Description describe() override;
    Result<void> unpack(const UnpackRequest& request, std::stop_token stop) override;
    Result<std::unique_ptr<Execution>> run(
        const RunSpec& spec, OutputSink& output, std::stop_token stop
    ) override;
    bool has_layer(const Digest& diff_id) override;
    Result<std::vector<UnpackedLayer>> layers() override;
    Result<void> remove_layer(const Digest& diff_id) override;
    void close_scope(std::string_view network_scope) override;

  private:
    Result<void> ensure_worker();
    Result<Channel> open_session(std::span<const LowerLayer> layers = {});
    Result<std::vector<Fd>> open_trees(const RunSpec& spec);
    Result<void> unpack_alone(const UnpackRequest& request, const std::stop_token& stop);
    [[nodiscard]] bool is_unpacked(const std::string& hex) const;
    [[nodiscard]] UnpackedLayer look_at(const Digest& diff_id) const;

    SandboxOptions options_;
    Fd directory_;
    Identity identity_;
    Log& log_;

    std::mutex worker_mutex_;
    std::unique_ptr<WorkerProcess> worker_;
    std::vector<Check> checks_;

    std::mutex unpack_mutex_;
    std::condition_variable_any unpacked_;
    std::set<Digest> unpacking_;

    LayersInUse in_use_;
    Networks networks_;
};

/// With worker_mutex_ held.
Result<void> Sandbox::ensure_worker() {
    if (worker_) {
        return {};
    }
    checks_.clear();
    TRY_ASSIGN(
        worker_, WorkerProcess::start(options_.worker_program, directory_, identity_, checks_)
    );
    return {};
}

Result<Channel> Sandbox::open_session(std::span<const LowerLayer> layers) {
    const std::lock_guard lock(worker_mutex_);
    TRY(ensure_worker());
    auto channel = worker_->open_session(layers);
    if (!channel) {
        // It was killed: everything it ran is gone as well, and says so to whoever waits for it.
        log_.warning("sandbox.worker_died");
        worker_.reset();
        TRY(ensure_worker());
        channel = worker_->open_session(layers);
    }
    return channel;
}

Result<std::vector<Fd>> Sandbox::open_trees(const RunSpec& spec) {
    if (spec.mounts.empty()) {
        return std::vector<Fd>();
    }
    Fd users;
    {
        const std::lock_guard lock(worker_mutex_);
        TRY(ensure_worker());
        TRY_ASSIGN(users, worker_->users());
    }
    return open_mounts(options_.worker_program, identity_, users, spec);
}

Description Sandbox::describe() {
    Description description;
    {
        const std::lock_guard lock(worker_mutex_);
        const auto started = ensure_worker();
        description.checks = checks_;
        if (!started) {
            const Error& error = started.error();
            description.name = "none";
            description.reason =
                error.hint.empty() ? error.message : error.message + ": " + error.hint;
            description.network_name = "none";
            description.network_reason = "RUN is not possible";
            return description;
        }
    }
    const bool root = identity_.by == MapBy::kernel;
    description.rung = root ? 2 : 1;
    description.name = "sandbox";
    description.reason = root ? "kilnd is root; RUN's root is an ordinary user of the host"
                              : "kilnd is not root; RUN's root is the same user";
    if (!identity_.note.empty()) {
        description.reason += "; " + identity_.note;
    }
    networks_.describe(description);
    return description;
}

Result<void> Sandbox::unpack(const UnpackRequest& request, std::stop_token stop) {
    std::unique_lock lock(unpack_mutex_);
    while (unpacking_.contains(request.diff_id)) {
        unpacked_.wait(lock, stop, [&] { return !unpacking_.contains(request.diff_id); });
        TRY(check(stop));
    }
    unpacking_.insert(request.diff_id);
    lock.unlock();
    auto done = unpack_alone(request, stop);
    lock.lock();
    unpacking_.erase(request.diff_id);
    lock.unlock();
    unpacked_.notify_all();
    return done;
}

Result<void> Sandbox::unpack_alone(const UnpackRequest& request, const std::stop_token& stop) {
    // First of all the worker, which throws out what an earlier boot left torn.
    TRY_ASSIGN(Channel channel, open_session());
    if (is_unpacked(request.diff_id.hex())) {
        return {};
    }
    const Bytes order = render_unpack(request.diff_id, request.dress, options_.workers);
    TRY(channel.send(MessageType::unpack, order, std::span(&request.blob_fd, 1)));
    TRY(await_answer(channel, stop, MessageType::done));
    return {};
}

Result<std::unique_ptr<Execution>> Sandbox::run(
    const RunSpec& spec, OutputSink& output, std::stop_token stop
) {
    TRY(check_spec(spec));
    auto use = in_use_.hold(spec.layers);
    TRY_ASSIGN(Channel channel, open_session(spec.layers));
    for (const LowerLayer& layer : spec.layers) {
        // When it was used last, for the collector; an absent layer is told by the session.
        ::utimensat(directory_.get(), layer.diff_id.hex().c_str(), nullptr, 0);
    }
    TRY_ASSIGN(const auto trees, open_trees(spec));
    std::optional<Fd> network;
    if (spec.network == Network::standard) {
        TRY_ASSIGN(network, networks_.join(spec.network_scope));
    }
    RunSpec full = spec;
    Networks::fill_in(full, network.has_value());
    std::vector<int> descriptors;
    if (network) {
        descriptors.push_back(network->get());
    }
    for (const Fd& tree : trees) {
        descriptors.push_back(tree.get());
    }
    for (const int each : {spec.input, spec.signals}) {
        if (each >= 0) {
            descriptors.push_back(each);
        }
    }
    TRY(channel.send(MessageType::run, render_run(full, network.has_value()), descriptors));
    TRY_ASSIGN(const Outcome outcome, follow_command(channel, output, stop));
    return make_execution(std::move(channel), outcome, std::move(use));
}

bool Sandbox::is_unpacked(const std::string& hex) const {
    return ::faccessat(directory_.get(), hex.c_str(), F_OK, 0) == 0;
}

bool Sandbox::has_layer(const Digest& diff_id) {
    const std::lock_guard lock(worker_mutex_);
    return ensure_worker().has_value() && is_unpacked(diff_id.hex());
}

UnpackedLayer Sandbox::look_at(const Digest& diff_id) const {
    UnpackedLayer layer{.diff_id = diff_id};
    const std::string hex = diff_id.hex();
    const auto text = read_file_at(directory_.get(), hex + "/size", k_size_bytes);
    if (text) {
        std::from_chars(text->data(), text->data() + text->size(), layer.size_bytes);
    }
    const auto facts = stat_at(directory_.get(), hex);
    if (facts && *facts) {
        layer.last_use = (*facts)->st_mtim.tv_sec;
    }
    return layer;
}

Result<std::vector<UnpackedLayer>> Sandbox::layers() {
    {
        const std::lock_guard lock(worker_mutex_);
        if (!ensure_worker()) {
            return std::vector<UnpackedLayer>();
        }
    }
    TRY_ASSIGN(const auto names, list_directory(directory_.get()));
    std::vector<UnpackedLayer> found;
    for (const std::string& name : names) {
        if (const auto diff_id = Digest::parse_hex(name)) {
            found.push_back(look_at(*diff_id));
        }
    }
    return found;
}

Result<void> Sandbox::remove_layer(const Digest& diff_id) {
    if (in_use_.is_held(diff_id)) {
        return fail(Code::conflict, "a RUN stands on layer {}", diff_id.render());
    }
    TRY_ASSIGN(Channel channel, open_session());
    {
        const std::lock_guard lock(worker_mutex_);
        if (worker_) {
            worker_->forget_table(diff_id);
        }
    }
    PayloadWriter order;
    order.text(diff_id.hex());
    TRY(channel.send(MessageType::remove, order.bytes()));
    TRY(expect(channel.receive(), MessageType::done));
    return {};
}

void Sandbox::close_scope(std::string_view network_scope) {
    networks_.close(network_scope);
}

}  // namespace

Result<std::unique_ptr<Executor>> make_sandbox(SandboxOptions options, Log& log) {
    TRY(make_directories_at(AT_FDCWD, options.directory, 0700));
    TRY_ASSIGN(Fd directory, open_directory(options.directory));
    Identity identity = choose_identity(read_identity_facts());
    // Its owner is the worker's root; as an ordinary user that is who made it.
    if (::fchown(directory.get(), identity.root_uid(), identity.root_gid()) != 0
        || ::fchmod(directory.get(), 0700) != 0) {
        return fail_errno(options.directory);
    }
    return std::unique_ptr<Executor>(std::make_unique<Sandbox>(
        std::move(options), std::move(directory), std::move(identity), log
    ));
}

}  // namespace kiln::exec
