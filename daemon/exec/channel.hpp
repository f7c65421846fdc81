#pragma once

#include "store/base/bytes.hpp"
#include "store/base/file.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace kiln::exec {

/// What kilnd and the sandbox's worker say to each other; the payloads are in message.hpp.
enum class MessageType : std::uint8_t {
    // to the worker
    hello,    // what the worker needs to begin
    mapped,   // the ids of the user namespace are there
    table,    // of a layer, which sessions from now on know; one descriptor
    forget,   // such a table
    session,  // one descriptor: the channel of a new session
    unpack,
    run,
    diff,
    keep,
    remove,
    network,
    // from the worker
    unshared,  // waits for `mapped`
    ready,
    started,  // two descriptors: the command's stdout and stderr
    ended,
    entry,  // a changed entry; its content follows, or comes as a descriptor
    content,
    notice,
    done,
    failed,  // an Error
};

struct Message {
    MessageType type = MessageType::failed;
    Bytes payload;
    std::vector<Fd> descriptors;
};

/// Larger ones are refused: a command line may have 2 MiB (ARG_MAX with the usual stack), the
/// rest is far smaller.
inline constexpr std::size_t k_message_bytes = 8U * 1024 * 1024;
/// As SCM_MAX_FD of the kernel; 120 tables fit.
inline constexpr std::size_t k_message_descriptors = 253;

/// Messages over one end of a Unix stream socket, with descriptors.
/// Errors   internal "the other side is gone" when it is; corrupt for a message that breaks the
/// form. Thread   one sender and one receiver at a time. Blocks.
class Channel {
  public:
    explicit Channel(Fd socket)
        : socket_(std::move(socket)) {}

    /// Two connected ends.
    static Result<std::pair<Channel, Channel>> pair();

    Result<void> send(
        MessageType type, ByteSpan payload = {}, std::span<const int> descriptors = {}
    );
    Result<Message> receive();

    [[nodiscard]] int fd() const { return socket_.get(); }

    /// Nothing more will come from here: the other side takes it as a cancel, and may still answer.
    void close_sending();

  private:
    Fd socket_;
};

}  // namespace kiln::exec
