#pragma once

#include "client/context/context.hpp"
#include "client/http/connection.hpp"

#include <cstdint>
#include <functional>

namespace kiln::client {

/// So many bytes of so many have gone.
using UploadObserver = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

/// Whether the daemon may read large files where they lie: it keeps no copy of those.
enum class Lending : std::uint8_t { allowed, never };

/// Sends the listing; of the contents that the daemon says it lacks, lends the large files and
/// sends the rest as one stream. Errors   conflict naming a file that changed meanwhile; the
/// daemon's.
Result<void> send_context(
    Connection& connection, Context& context, Lending lending, const UploadObserver& observer
);

}  // namespace kiln::client
