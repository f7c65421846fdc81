#pragma once

#include "store/base/bytes.hpp"
#include "store/base/file.hpp"

#include <vector>

namespace kiln::daemon {

/// What one message of a Unix socket brought (unix(7), SCM_RIGHTS).
struct FileMessage {
    std::size_t size_bytes = 0;  // 0: nothing has come yet
    std::vector<Fd> files;
};

/// Reads without waiting. Files beyond `at_most` are closed by the kernel.
/// Errors   cancelled when the other end is closed.
Result<FileMessage> receive_message(int socket, MutableByteSpan into, std::size_t at_most);

}  // namespace kiln::daemon
