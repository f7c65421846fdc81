#pragma once

#include "daemon/registry/repository.hpp"
#include "daemon/registry/upload.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/reference.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kiln::registry {

struct PushProgress {
    Descriptor blob;
    std::uint64_t sent_bytes = 0;
    std::optional<Outcome> outcome;  // set once the blob is there
};

/// A manifest about the one that is pushed (its `subject`), such as a bill of materials.
struct PushReferrer {
    oci::LinkedDescriptor manifest;  // as an index lists it, with its artifact type
    std::string text;                // of the manifest
    std::vector<PushBlob> blobs;     // its config and layers
};

struct PushRequest {
    oci::Reference destination;  // ":latest" where it has neither tag nor digest
    std::string manifest;
    std::string manifest_type;
    std::vector<PushBlob> layers;
    PushBlob config;
    std::optional<Credentials> credentials;
    std::function<void(const PushProgress&)> progress;  // on the loop; may be empty
    std::vector<PushReferrer> referrers = {};
};

struct PushResult {
    Digest digest;  // of the manifest
    std::uint64_t uploaded_bytes = 0;
    std::size_t uploaded = 0;
    std::size_t mounted = 0;
    std::size_t present = 0;
};

struct ClientOptions {
    /// Hosts (with port, if any) that are spoken to in plain http; loopback always may.
    std::vector<std::string> insecure_hosts;
    TransportOptions transport;
    RetryPolicy retry;
    std::size_t parallel_layers = 4;
    /// Outlives the client; without one it remembers for itself.
    Memory* memory = nullptr;
};

/// The distribution protocol, as a client that pushes and pulls.
/// Thread   the loop. The client outlives what it started; what is awaited may be cancelled.
class Client {
  public:
    Client(boost::asio::any_io_executor loop, ThreadPool& pool, const ClientOptions& options = {});

    /// Layers side by side, then the config, then what refers to the manifest (a registry takes
    /// that before its subject: distribution-spec 1.1, "Pushing Manifests with Subject"), then the
    /// manifest: a reader of the registry never sees it without its blobs, or without its lock.
    /// Errors   permission, not_found, upstream, timed_out; the trail names the blob.
    Awaitable<Result<PushResult>> push(PushRequest request);

    /// The repository that a reference names, for reading; the client outlives it.
    Awaitable<Result<std::unique_ptr<Repository>>> open(
        oci::Reference reference, std::optional<Credentials> credentials
    );

    /// What a reference names there; nullopt when nothing. One request, also to a registry that was
    /// never spoken to before.
    Awaitable<Result<std::optional<Descriptor>>> look_up(
        oci::Reference reference, std::optional<Credentials> credentials
    );

    /// Whether the registry takes these credentials.
    /// Errors   permission when it does not.
    Awaitable<Result<void>> check_login(std::string host, Credentials credentials);

  private:
    /// https, or http where that is allowed and spoken.
    Awaitable<Result<Url>> find_registry(std::string host);
    /// How it may be spoken to, the likelier first; one where that is known.
    [[nodiscard]] Result<std::vector<Url>> candidates(const std::string& host) const;
    [[nodiscard]] Access access_to(Url registry, std::optional<Credentials> credentials) const;
    Awaitable<Result<void>> push_referrer(
        const PushRequest& request,
        const PushReferrer& referrer,
        Uploader& uploader,
        PushResult& result
    );
    Awaitable<Result<void>> push_layers(
        const PushRequest& request, Uploader& uploader, PushResult& result
    );

    boost::asio::any_io_executor loop_;
    ThreadPool& pool_;
    ClientOptions options_;
    Transport transport_;
    Memory own_memory_;
    Memory& memory_;
};

}  // namespace kiln::registry
