#include "daemon/exec/networks.hpp"

#include "daemon/exec/message.hpp"
#include "daemon/exec/network_helper.hpp"
#include "daemon/exec/policy.hpp"
#include "daemon/exec/program.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace kiln::exec {
namespace {

constexpr std::size_t k_resolv_bytes = 64U * 1024;
constexpr std::chrono::seconds k_spare_life{60};

std::string default_hosts(const std::string& hostname) {
    std::string hosts =
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
    if (hostname != "localhost") {
        hosts += fmt::format("127.0.1.1\t{}\n", hostname);
    }
    return hosts;
}

/// The host's resolv.conf; in an own network with pasta for its name servers, which may sit on the
/// host's loopback.
std::string default_resolv_conf(bool own) {
    const auto host = read_file_at(AT_FDCWD, "/etc/resolv.conf", k_resolv_bytes);
    if (!host || !own) {
        return host ? *host : std::string();
    }
    std::string text = fmt::format("nameserver {}\n", k_name_server);
    std::string_view rest = *host;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.starts_with("search ") || line.starts_with("options ")) {
            text += fmt::format("{}\n", line);
        }
    }
    return text;
}

}  // namespace

/// One scope's network: the namespace, and the helper that serves it.
class Networks::Network {
  public:
    Network(Fd network, Channel control, pid_t helper)
        : network_(std::move(network)),
          control_(std::move(control)),
          helper_(helper) {}

    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    ~Network() {
        control_.close_sending();
        wait_for(helper_);
    }

    /// Returns when connections work.
    Result<void> serve(const std::string& pasta) {
        TRY(control_.send(MessageType::hello, as_bytes(pasta)));
        TRY(expect(control_.receive(), MessageType::done));
        return {};
    }

    [[nodiscard]] Result<Fd> descriptor() const { return duplicate(network_); }

  private:
    Fd network_;
    Channel control_;
    pid_t helper_;
};

Networks::Networks(std::string program, std::string pasta, OpenSession open_session, Log& log)
    : program_(std::move(program)),
      pasta_(std::move(pasta)),
      open_session_(std::move(open_session)),
      log_(log) {}

Networks::~Networks() = default;  // the housekeeper, being the last member, ends first

Result<std::unique_ptr<Networks::Network>> Networks::make() {
    if (pasta_.empty()) {
        return fail(Code::unsupported, "pasta is switched off");
    }
    const auto pasta = find_program(pasta_);
    if (!pasta) {
        return fail(Code::unsupported, "{} is not installed (Debian package passt)", pasta_);
    }
    TRY_ASSIGN(Channel session, open_session_());
    TRY(session.send(MessageType::network));
    TRY_ASSIGN(Message made, expect(session.receive(), MessageType::done));
    if (made.descriptors.size() != 2) {
        return fail(Code::corrupt, "the sandbox's worker makes no network");
    }
    TRY_ASSIGN(auto ends, Channel::pair());
    const Program helper{
        .arguments = {"kiln-sandbox", k_network_argument},
        .file = program_,
        .descriptors = {
            -1,
            STDERR_FILENO,
            STDERR_FILENO,
            ends.second.fd(),
            made.descriptors[0].get(),
            made.descriptors[1].get()}};
    TRY_ASSIGN(const pid_t process, start_program(helper), "while starting a network");
    { const Channel closed = std::move(ends.second); }
    auto network =
        std::make_unique<Network>(std::move(made.descriptors[1]), std::move(ends.first), process);
    TRY(network->serve(*pasta));
    return network;
}

Result<Networks::Network*> Networks::open(std::string_view scope) {
    const auto found = networks_.find(scope);
    if (found != networks_.end()) {
        return found->second.get();
    }
    if (spare_) {
        return networks_.emplace(scope, std::move(spare_)).first->second.get();
    }
    TRY_ASSIGN(auto network, make());
    Network* made = network.get();
    networks_.emplace(scope, std::move(network));
    return made;
}

Result<std::optional<Fd>> Networks::join(std::string_view scope) {
    const std::lock_guard lock(mutex_);
    if (refused_) {
        return std::optional<Fd>();
    }
    auto network = open(scope);
    if (!network) {
        log_.warning("sandbox.no_pasta", {{"reason", network.error().render()}});
        refused_ = network.error();
        return std::optional<Fd>();
    }
    TRY_ASSIGN(Fd descriptor, (*network)->descriptor());
    return std::optional(std::move(descriptor));
}

void Networks::close(std::string_view scope) {
    const std::lock_guard lock(mutex_);
    const auto found = networks_.find(scope);
    if (found == networks_.end()) {
        return;
    }
    closed_.push_back(std::move(found->second));
    networks_.erase(found);
    if (!housekeeper_.joinable()) {
        housekeeper_ = std::jthread([this](const std::stop_token& stop) { keep_house(stop); });
    }
    changed_.notify_all();
}

void Networks::keep_house(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto has_closed = [this] { return !closed_.empty(); };
    while (changed_.wait(lock, stop, has_closed) && !stop.stop_requested()) {
        auto ended = std::exchange(closed_, {});
        const bool wanted = !spare_;
        lock.unlock();
        auto made = wanted ? make() : Result<std::unique_ptr<Network>>();
        ended.clear();
        lock.lock();
        if (wanted && made) {
            spare_ = *std::move(made);
        }
        changed_.wait_for(lock, stop, k_spare_life, has_closed);
        if (closed_.empty()) {
            // The host's network may look different by the time it would be used.
            ended.push_back(std::move(spare_));
            lock.unlock();
            ended.clear();
            lock.lock();
        }
    }
}

void Networks::describe(Description& description) {
    std::string refusal;
    {
        const std::lock_guard lock(mutex_);
        if (!refused_ && networks_.empty() && !spare_) {
            const auto trial = make();
            if (!trial) {
                refused_ = trial.error();
            }
        }
        refusal = refused_ ? refused_->render() : std::string();
    }
    description.checks.push_back(
        {.name = "pasta", .ok = refusal.empty(), .detail = refusal.empty() ? "works" : refusal}
    );
    if (refusal.empty()) {
        description.network_name = "pasta";
        description.network_reason = "outgoing connections only, one network a build";
    } else if (can_scope_abstract_sockets()) {
        description.network_name = "host-scoped";
        description.network_reason =
            refusal + "; the host's network, its abstract sockets out of reach by Landlock";
    } else {
        description.network_name = "host";
        description.network_reason =
            refusal + "; the host's network with its abstract sockets (Landlock of Linux 6.12 "
                      "would hide them)";
    }
}

void Networks::fill_in(RunSpec& spec, bool own) {
    if (!spec.hosts) {
        spec.hosts = default_hosts(spec.hostname);
    }
    if (!spec.resolv_conf) {
        spec.resolv_conf =
            spec.network == exec::Network::none ? std::string() : default_resolv_conf(own);
    }
}

}  // namespace kiln::exec
