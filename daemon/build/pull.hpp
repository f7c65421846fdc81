#pragma once

#include "daemon/build/job.hpp"
#include "daemon/build/pull_record.hpp"
#include "daemon/build/request.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Credentials that came with a request, by host; they live as long as it does.
using CredentialsByHost = std::map<std::string, Credential>;

/// The manifest or index that a reference names in its registry; nullopt when there is none. One
/// request, and no body of any document (distribution-spec, "Pull").
/// Errors   permission, upstream, timed_out; cancelled.
/// Thread   the loop.
boost::asio::awaitable<Result<std::optional<Descriptor>>> look_up_remote(
    Services& services, std::stop_token stop, std::string reference, CredentialsByHost credentials
);

struct PullOrder {
    std::string reference;
    std::string platform = {};  // "" is the host's
    /// That the image gets in the store. Without any it stays as long as the lease, and what the
    /// reference stood for is not remembered.
    std::vector<std::string> names = {};
    CredentialsByHost credentials = {};
    /// Artifact types of what refers to the image and comes along; "*" is any.
    std::vector<std::string> referrers = {};
};

struct Pulled {
    Descriptor named;     // by the reference in the registry: a manifest or an index
    Descriptor manifest;  // of the image
    Descriptor config;
    std::vector<store::Referrer> referrers;  // recorded with the image
};

/// Takes an image of a registry into the store, as `load` takes one of an archive: layers arrive
/// side by side, each checked against manifest and config and indexed in one pass; what the store
/// has, and what another request is fetching, is not asked for. Progress becomes events of the job.
/// Layers that came whole stay for the next try until they are collected, whatever happens.
/// Ended by the job's stop token, never by Asio's cancellation.
/// Errors   not_found (repository, tag, a manifest for the platform: says which there are),
///          permission, digest_mismatch, unsupported (an artifact that is no image), too_large,
///          upstream, timed_out, cancelled.
/// Thread   the loop.
boost::asio::awaitable<Result<Pulled>> pull_image(
    Services& services, std::shared_ptr<Job> job, PullOrder order, const store::Lease& lease
);

}  // namespace kiln::daemon
