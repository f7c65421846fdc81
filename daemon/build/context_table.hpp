#pragma once

#include "daemon/build/lent_files.hpp"
#include "daemon/services.hpp"
#include "layers/table_of_contents.hpp"

#include <deque>
#include <memory>
#include <set>
#include <vector>

namespace kiln::daemon {

/// What the files of a listing hold, in its order.
std::vector<Digest> contents_of(const TableOfContents& listing);

/// Which build contexts are wholly here. What has just been uploaded can be used at once and is
/// made durable when the build that used it has ended: contexts are a cache, and nobody waits for
/// their fsync. Thread   the loop.
class ContextTable {
  public:
    /// How long an upload is kept for the build that will name it.
    static constexpr UnixSeconds k_kept_seconds = 3600;
    /// Contexts that have files lent; beyond them the oldest must be lent anew.
    static constexpr std::size_t k_lent_contexts = 8;

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
    /// These files are read where they lie until the build that reads them has ended.
    void lend(const Digest& listing, LentFiles files);
    /// Null when none are.
    [[nodiscard]] std::shared_ptr<const LentFiles> lent(const Digest& listing) const;
    /// After an upload or a loan: whether everything is there now.
    boost::asio::awaitable<Result<bool>> complete(Digest listing);
    /// Makes durable what a finished build used, but for what was lent. Starts the work and
    /// returns.
    void settle(const Digest& listing);

  private:
    void end_loan(const Digest& listing);

    Services& services_;
    std::set<Digest> fresh_;  // complete, not durable yet
    std::map<Digest, std::shared_ptr<const LentFiles>> lent_;
    std::deque<Digest> lent_order_;  // oldest first
};

}  // namespace kiln::daemon
