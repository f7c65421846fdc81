#pragma once

#include "daemon/api/session.hpp"
#include "store/base/file.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <string>
#include <vector>

namespace kiln::daemon {

/// The socket that clients connect to: systemd's (LISTEN_FDS), or one made at `path` with mode
/// 0660. A stale file of a daemon that died is replaced; its parent directory is made.
struct ListeningSocket {
    Fd fd;
    std::string path;
    bool inherited = false;
};

Result<ListeningSocket> open_listening_socket(const std::string& path);

/// Tells systemd, when it asked to be told (NOTIFY_SOCKET).
void notify_service_manager(std::string_view state);

/// Who may talk: root, the daemon's own user, those who passed the socket's group (0660), and uids
/// that the configuration adds.
struct Admission {
    std::uint32_t own_uid = 0;
    std::uint32_t socket_gid = 0;
    std::vector<std::uint32_t> uids;

    [[nodiscard]] bool admits(const Peer& peer, const std::vector<std::uint32_t>& groups) const;
};

/// Accepts until the acceptor is closed; each connection is a session of its own.
Awaitable<void> accept_sessions(
    boost::asio::local::stream_protocol::acceptor& acceptor,
    const Admission& admission,
    const Dispatch& dispatch,
    Log& log
);

}  // namespace kiln::daemon
