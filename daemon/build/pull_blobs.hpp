#pragma once

#include "daemon/build/job.hpp"
#include "daemon/registry/repository.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Where blobs come from and for whom. Everything outlives what is awaited.
struct PullSource {
    Services& services;
    std::shared_ptr<Job> job;
    registry::Repository& repository;
    const store::Lease& lease;
    std::stop_token stop;
};

/// What a layer must turn out to be.
struct PullLayer {
    Descriptor blob;
    Digest diff_id;
    std::string origin;  // for people
};

/// Brings a layer into the store and records it: one pass from the socket to the blob, its diff_id
/// and its table of contents. Nothing is asked for when the store has it; of several who want it
/// one fetches.
/// Errors   digest_mismatch, those of oci::take_layer and of the registry; cancelled.
/// Thread   the loop. Ended by `stop`, never by Asio's cancellation.
boost::asio::awaitable<Result<void>> pull_layer(PullSource source, PullLayer layer);

/// Any other blob, as it is; not recorded.
boost::asio::awaitable<Result<void>> pull_blob(PullSource source, Descriptor blob);

}  // namespace kiln::daemon
