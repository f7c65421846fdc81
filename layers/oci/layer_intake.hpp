#pragma once

#include "layers/layer.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/base/bytes.hpp"
#include "store/blob_store.hpp"

#include <optional>
#include <stop_token>
#include <string_view>

namespace kiln::oci {

/// What a document says of a layer before it is read.
struct ExpectedLayer {
    std::optional<Descriptor> blob = std::nullopt;
    std::optional<Digest> diff_id = std::nullopt;
};

/// Takes a layer that others made into the store, bytes unchanged (bzip2 and xz, which no layer
/// may be, become plain): one pass for the blob's digest, the diff_id and the table of contents.
/// Errors   digest_mismatch (blob, size or diff_id), invalid_input (the compression is not that of
///          the media type), those of index_layer_tar and the store.
Result<BuiltLayer> take_layer(
    ByteSource& bytes,
    const ExpectedLayer& expected,
    store::BlobStore& blobs,
    const store::Lease& lease,
    const tar::TarReaderLimits& limits,
    std::stop_token stop
);

/// What there is to know of a layer whose blob is stored already, and hashed on its way in: only
/// read. Errors   as above; unsupported: a compression that no layer may have.
Result<BuiltLayer> index_layer(
    ByteSource& bytes,
    const Descriptor& blob,
    const Digest& diff_id,
    const tar::TarReaderLimits& limits,
    std::stop_token stop
);

}  // namespace kiln::oci
