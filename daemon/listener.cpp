#include "daemon/listener.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace kiln::daemon {
namespace {

constexpr auto k_as_result = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr int k_first_passed_fd = 3;  // SD_LISTEN_FDS_START
constexpr int k_backlog = 128;

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(
            Code::invalid_input,
            "the socket's path is {} bytes long; the kernel takes {}: {}",
            path.size(),
            sizeof address.sun_path - 1,
            path
        );
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

/// Whether somebody answers there; a file that nobody listens behind is stale.
bool is_alive(const sockaddr_un& address) {
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    return probe.is_open() && ::connect(probe.get(), generic, sizeof address) == 0;
}

std::optional<Fd> passed_socket() {
    const char* pid = std::getenv("LISTEN_PID");
    const char* count = std::getenv("LISTEN_FDS");
    if (pid == nullptr || count == nullptr || std::strcmp(count, "1") != 0) {
        return std::nullopt;
    }
    pid_t meant = 0;
    std::from_chars(pid, pid + std::strlen(pid), meant);
    if (meant != ::getpid()) {
        return std::nullopt;
    }
    ::fcntl(k_first_passed_fd, F_SETFD, FD_CLOEXEC);
    return Fd(k_first_passed_fd);
}

Peer peer_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return Peer{0, UINT32_MAX, UINT32_MAX};
    }
    return Peer{credentials.pid, credentials.uid, credentials.gid};
}

std::vector<std::uint32_t> groups_of(int socket) {
    std::vector<std::uint32_t> groups(64);
    socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
        return {};
    }
    groups.resize(size / sizeof(gid_t));
    return groups;
}

Awaitable<void> refuse(LocalSocket socket, Peer peer) {
    const std::string body = fmt::format(
        "{{\"type\":\"urn:kiln:problem:permission\",\"title\":\"permission\",\"status\":403,"
        "\"code\":\"permission\",\"detail\":\"user {} may not use this daemon\",\"trail\":[],"
        "\"where\":null,\"hint\":\"allowed_uids in kilnd.toml adds users\",\"retry\":\"no\"}}\n",
        peer.uid
    );
    const std::string answer = fmt::format(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        body.size(),
        body
    );
    co_await boost::asio::async_write(socket, boost::asio::buffer(answer), k_as_result);
}

}  // namespace

bool Admission::admits(const Peer& peer, const std::vector<std::uint32_t>& groups) const {
    const auto listed = [](const std::vector<std::uint32_t>& ids, std::uint32_t id) {
        return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    return peer.uid == 0 || peer.uid == own_uid || peer.gid == socket_gid
           || listed(groups, socket_gid) || listed(uids, peer.uid);
}

Result<ListeningSocket> open_listening_socket(const std::string& path) {
    if (auto passed = passed_socket()) {
        return ListeningSocket{std::move(*passed), path, true};
    }
    TRY_ASSIGN(const sockaddr_un address, address_of(path));
    if (const std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0) {
        TRY(make_directories_at(AT_FDCWD, path.substr(0, slash), 0755));
    }
    if (is_alive(address)) {
        return fail(Code::conflict, "another daemon answers at unix:{}", path);
    }
    ::unlink(path.c_str());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.is_open()) {
        return fail_errno("socket");
    }
    // Made closed to others, opened to the group once it is whole.
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::umask(before);
    if (bound != 0) {
        return fail_errno(path);
    }
    if (::chmod(path.c_str(), 0660) != 0 || ::listen(fd.get(), k_backlog) != 0) {
        return fail_errno(path);
    }
    return ListeningSocket{std::move(fd), path, false};
}

void notify_service_manager(std::string_view state) {
    const char* target = std::getenv("NOTIFY_SOCKET");
    if (target == nullptr) {
        return;
    }
    auto address = address_of(target);
    if (!address) {
        return;
    }
    if (address->sun_path[0] == '@') {
        address->sun_path[0] = '\0';
    }
    const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(target));
    ::sendto(
        fd.get(),
        state.data(),
        state.size(),
        MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&*address),
        size
    );
}

Awaitable<void> accept_sessions(
    boost::asio::local::stream_protocol::acceptor& acceptor,
    const Admission& admission,
    const Dispatch& dispatch,
    Log& log
) {
    const auto executor = acceptor.get_executor();
    while (acceptor.is_open()) {
        auto [error, socket] = co_await acceptor.async_accept(k_as_result);
        if (error == boost::asio::error::operation_aborted) {
            co_return;
        }
        if (error) {
            // Out of descriptors: wait for sessions to end instead of spinning.
            log.warning("accept_failed", {{"error", error.message()}});
            boost::asio::steady_timer pause(executor, std::chrono::milliseconds(100));
            co_await pause.async_wait(k_as_result);
            continue;
        }
        const Peer peer = peer_of(socket.native_handle());
        if (!admission.admits(peer, groups_of(socket.native_handle()))) {
            log.warning("peer_refused", {{"uid", fmt::format("{}", peer.uid)}});
            boost::asio::co_spawn(executor, refuse(std::move(socket), peer), boost::asio::detached);
            continue;
        }
        boost::asio::co_spawn(
            executor, serve(std::move(socket), peer, dispatch, log), boost::asio::detached
        );
    }
}

}  // namespace kiln::daemon
