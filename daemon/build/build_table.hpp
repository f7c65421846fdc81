#pragma once

#include "daemon/build/context_table.hpp"
#include "daemon/build/job.hpp"
#include "daemon/build/request.hpp"
#include "daemon/services.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>

namespace kiln::daemon {

/// How much runs at once, and how much is remembered.
inline constexpr std::size_t k_running_builds = 4;
inline constexpr std::size_t k_waiting_builds = 8;
inline constexpr std::size_t k_finished_jobs = 100;

/// All jobs: builds, pushes and runs, from acceptance to long after their end.
/// Thread   the loop.
class BuildTable {
  public:
    BuildTable(Services& services, ContextTable& contexts)
        : services_(services),
          contexts_(contexts),
          freed_(services.loop) {}

    struct Needs {
        std::vector<Digest> lacking;
        /// Packages that a lock names by a path and the request does not by digest, as written.
        std::map<std::string, std::vector<std::string>> files;  // by context
        /// Specifications to be locked first, and for which base (conda_needs.hpp).
        std::map<std::string, std::optional<Digest>> unresolved;  // by context
        std::vector<std::string> pulls;                           // bases to be pulled before that
        LentByListing lent;  // what it reads out of files of its client

        [[nodiscard]] bool empty() const {
            return lacking.empty() && files.empty() && unresolved.empty() && pulls.empty();
        }
    };

    /// What of the request's bytes is not here.
    boost::asio::awaitable<Result<Needs>> needs(const BuildRequest& request);
    /// Errors   busy when too many wait already.
    Result<std::shared_ptr<Job>> start(BuildRequest request, LentByListing lent);
    /// A build within a job that does more.
    boost::asio::awaitable<Result<ResultEvent>> build(
        std::shared_ptr<Job> job, std::shared_ptr<const BuildRequest> request, LentByListing lent
    );
    /// A job that is no build: `work` runs on the loop and gives its result.
    using Work = std::function<boost::asio::awaitable<Result<ResultEvent>>(std::shared_ptr<Job>)>;
    Result<std::shared_ptr<Job>> start(std::string name, Attachment attachment, Work work);

    /// By id, or an unambiguous beginning of one. Errors: not_found.
    Result<std::shared_ptr<Job>> find(const std::string& id) const;
    /// Newest first.
    [[nodiscard]] std::vector<std::shared_ptr<Job>> all() const;

    [[nodiscard]] std::size_t running() const { return running_; }

    /// Cancels everything and waits, at most `patience`.
    boost::asio::awaitable<void> close(std::chrono::seconds patience);

  private:
    boost::asio::awaitable<void> carry_out(std::shared_ptr<Job> job, Work work);
    std::string new_id() const;
    void forget_old();

    Services& services_;
    ContextTable& contexts_;
    std::map<std::string, std::shared_ptr<Job>> jobs_;
    std::deque<std::string> order_;  // ids, oldest first
    std::size_t running_ = 0;
    std::size_t waiting_ = 0;
    Signal freed_;
};

}  // namespace kiln::daemon
