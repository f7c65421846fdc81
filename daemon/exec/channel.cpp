#include "daemon/exec/channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace kiln::exec {
namespace {

struct Header {
    std::uint32_t payload_bytes = 0;
    std::uint16_t descriptors = 0;
    std::uint16_t type = 0;
};

union ControlBuffer {
    cmsghdr align;
    std::array<std::byte, CMSG_SPACE(sizeof(int) * k_message_descriptors)> bytes;
};

tl::unexpected<Error> gone() {
    return fail(Code::internal, "the other side is gone");
}

Result<void> send_bytes(int socket, ByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return gone();
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Result<void> receive_bytes(int socket, MutableByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return gone();
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

std::vector<Fd> take_descriptors(msghdr& message) {
    std::vector<Fd> taken;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            taken.emplace_back(fd);
        }
    }
    return taken;
}

}  // namespace

Result<std::pair<Channel, Channel>> Channel::pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("socketpair");
    }
    return std::pair(Channel(Fd(ends[0])), Channel(Fd(ends[1])));
}

Result<void> Channel::send(MessageType type, ByteSpan payload, std::span<const int> descriptors) {
    if (payload.size() > k_message_bytes || descriptors.size() > k_message_descriptors) {
        return fail(
            Code::too_large,
            "a message for the sandbox has {} bytes and {} descriptors; at most {} and {} fit",
            payload.size(),
            descriptors.size(),
            k_message_bytes,
            k_message_descriptors
        );
    }
    Header header{
        .payload_bytes = static_cast<std::uint32_t>(payload.size()),
        .descriptors = static_cast<std::uint16_t>(descriptors.size()),
        .type = static_cast<std::uint16_t>(type)};
    // Header and payload go in one call: a message costs one wake-up of the other side.
    std::array<iovec, 2> parts{
        iovec{&header, sizeof header},
        iovec{const_cast<std::byte*>(payload.data()), payload.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ControlBuffer control{};
    if (!descriptors.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return gone();
    }
    const auto done = static_cast<std::size_t>(sent);
    if (done < sizeof header) {
        // Eight bytes are never split on a Unix socket; were they, the descriptors would be astray.
        return gone();
    }
    return send_bytes(socket_.get(), payload.subspan(done - sizeof header));
}

Result<Message> Channel::receive() {
    Header header;
    iovec part{&header, sizeof header};
    ControlBuffer control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t count = -1;
    do {
        count = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) {
        return gone();
    }
    Message received;
    received.descriptors = take_descriptors(message);
    if (count != sizeof header || header.payload_bytes > k_message_bytes
        || header.descriptors != received.descriptors.size()
        || (message.msg_flags & MSG_CTRUNC) != 0
        || header.type > static_cast<std::uint16_t>(MessageType::failed)) {
        return fail(Code::corrupt, "a message between kilnd and its sandbox breaks the form");
    }
    received.type = static_cast<MessageType>(header.type);
    received.payload.resize(header.payload_bytes);
    TRY(receive_bytes(socket_.get(), received.payload));
    return received;
}

void Channel::close_sending() {
    ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace kiln::exec
