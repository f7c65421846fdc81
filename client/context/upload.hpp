#pragma once

#include "client/context/context.hpp"
#include "client/http/connection.hpp"

#include <cstdint>
#include <functional>

namespace kiln::client {

/// So many bytes of so many have gone.
using UploadObserver = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

/// Sends the listing; of the contents that the daemon says it lacks, lends the large files and
/// sends the rest as one stream. Errors   conflict naming a file that changed meanwhile; the
/// daemon's.
Result<void> send_context(Connection& connection, Context& context, const UploadObserver& observer);

}  // namespace kiln::client
