#pragma once

#include "daemon/services.hpp"

#include <set>

namespace kiln::daemon {

/// Which build contexts are wholly here. What has just been uploaded can be used at once and is
/// made durable when the build that used it has ended: contexts are a cache, and nobody waits for
/// their fsync. Thread   the loop.
class ContextTable {
  public:
    /// How long an upload is kept for the build that will name it.
    static constexpr UnixSeconds k_kept_seconds = 3600;

    explicit ContextTable(Services& services)
        : services_(services) {}

    boost::asio::awaitable<Result<bool>> has(Digest listing);

    struct Taken {
        Digest digest;
        std::vector<Digest> missing;
    };

    /// Takes a listing in; what its contents lack.
    /// Errors   invalid_input for bytes that are no listing.
    boost::asio::awaitable<Result<Taken>> take(Bytes listing);
    /// After an upload: whether everything is there now.
    boost::asio::awaitable<Result<bool>> complete(Digest listing);
    /// Makes durable what a finished build used. Starts the work and returns.
    void settle(const Digest& listing);

  private:
    Services& services_;
    std::set<Digest> fresh_;  // complete, not durable yet
};

}  // namespace kiln::daemon
