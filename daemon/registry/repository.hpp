#pragma once

#include "daemon/registry/retry.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/reference.hpp"
#include "store/descriptor.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kiln::registry {

/// A manifest or an index as the registry gave it, byte for byte what its digest says.
struct Document {
    Descriptor descriptor;
    std::string text;
};

/// Takes the bytes of a blob in order, each once; what it refuses ends the transfer.
using BlobSink = std::function<Awaitable<Result<void>>(ByteSpan)>;

/// One repository of a registry, for reading (distribution-spec, "Pull").
/// Errors   permission, not_found, upstream, timed_out, with the registry's words, once asking
///          again does not help.
/// Thread   the loop. It outlives what it started; what is awaited may be cancelled.
class Repository {
  public:
    /// `api` is the registry's "/v2/".
    Repository(
        Transport& transport,
        Memory& memory,
        Access access,
        std::string path,
        const RetryPolicy& retry
    );

    /// What a tag or digest names; nullopt when nothing. One request, unless the registry does not
    /// say the digest in its head.
    Awaitable<Result<std::optional<Descriptor>>> look_up(std::string reference);

    /// Errors   too_large beyond limits::k_document_bytes; digest_mismatch when it is another than
    ///          was asked for, or than the registry calls it.
    Awaitable<Result<std::optional<Document>>> get_manifest(std::string reference);

    /// A blob from its first byte to its last, or from behind those that the sink `had` already:
    /// what breaks off is asked for from there on. Never more than the descriptor's size goes to
    /// the sink; the digest is the sink's to check.
    /// Errors   digest_mismatch when the registry has more or fewer bytes; the sink's.
    Awaitable<Result<void>> get_blob(Descriptor blob, BlobSink sink, std::uint64_t had_bytes = 0);

    /// What refers to a manifest: by the API, or by the tag that stands in for it (distribution-
    /// spec 1.1, "Listing Referrers"). All artifact types.
    Awaitable<Result<std::vector<oci::LinkedDescriptor>>> list_referrers(Digest subject);

    /// For hints: the first tags; none when the registry does not tell.
    Awaitable<std::vector<std::string>> list_tags();

    /// Every tag, as the registry orders them. Errors   too_large: more than are taken.
    Awaitable<Result<std::vector<std::string>>> all_tags();

    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] std::string host() const { return repository_.authority(); }

  private:
    struct Transfer;

    Request request_for(std::string_view target) const;
    Request request_for(const std::shared_ptr<Transfer>& transfer) const;
    Awaitable<Result<std::optional<Response>>> ask_for_manifest(
        std::string method, std::string reference
    );
    Awaitable<Result<std::optional<std::string>>> get_referrers(Url url, std::string& next);

    std::string path_;
    Url repository_;
    Authorizer authorizer_;
    RetryPolicy retry_;
};

/// The digest of a manifest as a reference has it, or its tag.
std::string manifest_name(const oci::Reference& reference);

}  // namespace kiln::registry
