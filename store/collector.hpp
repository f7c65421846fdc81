#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/descriptor.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace kiln::store {

/// The blobs that a document refers to, because the store knows nothing of images: manifests of an
/// index, config and layers of a manifest, nothing for all else. Asked for every blob whose media
/// type ends in "json"; `bytes` is its content. The answers are followed further.
using Reaches =
    std::function<Result<std::vector<Descriptor>>(const Descriptor& blob, ByteSpan bytes)>;

/// What may go beyond the unreachable: the least recently used cache records, then contexts first
/// of all. Refs, leases and what they reach never go.
struct CollectPolicy {
    std::optional<std::uint64_t> keep_size_bytes = std::nullopt;
    std::optional<std::int64_t> keep_age_seconds = std::nullopt;
    enum class Dry : bool { no, yes } dry = Dry::no;
};

struct CollectReport {
    std::uint64_t blobs = 0;
    std::uint64_t tables = 0;
    std::uint64_t packs = 0;
    std::uint64_t unpacked = 0;
    std::uint64_t layers = 0;  // facts
    std::uint64_t cache_records = 0;
    std::uint64_t contexts = 0;
    std::uint64_t freed_bytes = 0;
    std::uint64_t kept_bytes = 0;
    bool operator==(const CollectReport&) const = default;
};

/// What lies below kiln/unpacked belongs to the executor, who alone may remove it (its files have
/// other owners); the collector only says which layers are gone.
struct UnpackedHooks {
    std::function<Result<std::uint64_t>(const Digest& diff_id)> size_bytes;
    /// Nobody can keep the layer meanwhile, so it must be quick: rename now, delete later.
    std::function<Result<void>(const Digest& diff_id)> remove;
};

}  // namespace kiln::store
