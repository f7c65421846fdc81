#pragma once

#include "daemon/build/job.hpp"
#include "daemon/conda/settings.hpp"
#include "daemon/registry/client.hpp"
#include "daemon/registry/transport.hpp"
#include "daemon/services.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace kiln::daemon {

/// What a server said of a file, so that it can be asked later whether it is still the same
/// (RFC 9110, section 8.8). Both may be empty.
struct Validator {
    std::string etag;
    std::string last_modified;
    bool operator==(const Validator&) const = default;
};

struct DownloadOrder {
    std::string url;   // without credentials
    std::string name;  // for messages and progress: "numpy-1.26.4-py311h64a7726_0.conda"
    std::uint64_t limit_bytes = 0;
    Validator known = {};  // of the copy at hand; empty: there is none
    std::optional<Digest> expected = std::nullopt;
    /// The name of what is left where it breaks off (store::Partials), for who fetches it next:
    /// only of what is held against a hash when it is whole. Those of oci:// channels always are.
    std::optional<Digest> part = std::nullopt;
};

struct Downloaded {
    enum class Outcome : std::uint8_t {
        fetched,
        unchanged,  // the copy at hand is still right
        absent,     // the server has no such file
    };

    Outcome outcome = Outcome::absent;
    Digest blob = {};  // where fetched
    Validator validator = {};
};

/// Brings files of channels into the store: https anywhere, plain http from loopback only, oci://
/// as registries are spoken to; from the mirrors that the settings name, before or instead of the
/// channel itself; with the credentials that they hold for a place, which are sent nowhere else and
/// appear in no message. What breaks off is asked for again from where it ended, by a later job and
/// a later kilnd, too, where its order names a part.
/// Errors   permission for plain http elsewhere and for a refusal; upstream, timed_out and
///          digest_mismatch once asking again does not help; too_large; cancelled.
/// Thread   the loop. It outlives what it started.
class Downloader {
  public:
    Downloader(Services& services, std::shared_ptr<Job> job);

    /// Of one job: what the request itself carried for a channel.
    void add_secret(std::string base_url, conda::ChannelSecret secret);

    registry::Awaitable<Result<Downloaded>> fetch(DownloadOrder order, const store::Lease& lease);

  private:
    struct Transfer;

    registry::Awaitable<Result<Downloaded>> fetch_from(
        const DownloadOrder& order, std::string source, const store::Lease& lease
    );
    registry::Awaitable<Result<Downloaded>> fetch_oci(
        const DownloadOrder& order, std::string source, const store::Lease& lease
    );
    registry::Awaitable<Result<Downloaded>> transfer(
        const DownloadOrder& order,
        const std::string& source,
        const registry::Url& url,
        const store::Lease& lease
    );
    registry::Awaitable<Result<registry::Response>> ask_until_answered(
        std::shared_ptr<Transfer> transfer
    );
    registry::Awaitable<Result<registry::Response>> ask(std::shared_ptr<Transfer> transfer);
    Result<std::uint64_t> begin_blob(Transfer& transfer);
    registry::Request request_for(const std::shared_ptr<Transfer>& transfer);
    registry::Awaitable<Result<void>> take(std::shared_ptr<Transfer> transfer, Bytes bytes);
    registry::Awaitable<Result<Downloaded>> finish(
        std::shared_ptr<Transfer> transfer, const registry::Response& response
    );

    Services& services_;
    std::shared_ptr<Job> job_;
    CondaSettings settings_;
    registry::Transport transport_;
    registry::Client registries_;
    registry::RetryPolicy retry_;
    /// Servers that asking again did not help with: from then on each file is asked for once, so
    /// that a dead mirror is waited for once a job.
    std::set<std::string, std::less<>> given_up_;
};

}  // namespace kiln::daemon
