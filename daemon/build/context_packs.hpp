#pragma once

#include "daemon/build/artifact.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// A build context on its way to another store: its listing, then packs with its contents, all of
/// them blobs of a manifest about the image that was built of it.
inline constexpr std::string_view k_context_artifact =
    "application/vnd.kiln.environment.context.v1+json";
inline constexpr std::string_view k_listing_type = "application/vnd.kiln.listing";
inline constexpr std::string_view k_pack_type = "application/vnd.kiln.contents";
/// A manifest holds 120 layers at most, and the listing is one.
inline constexpr std::size_t k_context_packs = 64;

/// One content of a context.
struct ContextContent {
    Digest digest;
    std::uint64_t size_bytes = 0;
    bool operator==(const ContextContent&) const = default;
};

/// Contents in the packs that they travel in: each alone where there are few, else by a mark in
/// their digests, so that another content is another pack and leaves the rest as they are. Pure;
/// the same contents, in whatever order and however often, give the same packs.
std::vector<std::vector<ContextContent>> group_contents(std::vector<ContextContent> contents);

/// What a listing names, in its packs.
Result<std::vector<std::vector<ContextContent>>> packs_of_listing(ByteSpan listing);

/// Writes listing and packs as blobs, and the manifest that attaches them to `subject`; kept by the
/// lease, not recorded.
/// Errors   not_found: contents that the store does not have (any more).
/// Thread   the pool.
Result<store::Referrer> keep_context_artifact(
    store::Store& store, const store::Lease& lease, const Digest& listing, const Descriptor& subject
);

/// The blobs of such a manifest that the store lacks and needs for the context: first the listing,
/// then those packs that hold contents it does not know.
Result<std::vector<Digest>> context_blobs_lacking(
    store::Store& store, const oci::Manifest& manifest
);

/// Makes a context of what came as blobs; durable when it returns.
/// Shape    the listing's digest.
/// Errors   corrupt: the packs do not hold what the listing names.
Result<Digest> take_context(
    store::Store& store, const store::Lease& lease, const oci::Manifest& manifest
);

/// Makes a context durable whose contents are all here: a version that names it can be built again
/// later. Errors   not_found.
Result<void> record_context(store::Store& store, const store::Lease& lease, const Digest& listing);

}  // namespace kiln::daemon
