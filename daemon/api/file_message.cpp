#include "daemon/api/file_message.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace kiln::daemon {

Result<FileMessage> receive_message(int socket, MutableByteSpan into, std::size_t at_most) {
    Bytes control(CMSG_SPACE(at_most * sizeof(int)));
    iovec bytes{.iov_base = into.data(), .iov_len = into.size()};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return FileMessage();
    }
    if (count <= 0) {
        return fail(Code::cancelled, "the client closed the connection");
    }
    FileMessage received{.size_bytes = static_cast<std::size_t>(count), .files = {}};
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        std::vector<int> numbers((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        std::memcpy(numbers.data(), CMSG_DATA(part), numbers.size() * sizeof(int));
        for (const int number : numbers) {
            received.files.emplace_back(number);
        }
    }
    return received;
}

}  // namespace kiln::daemon
