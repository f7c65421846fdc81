#include "layers/oci/layer_intake.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/oci/hashing_source.hpp"
#include "layers/oci/layer_index.hpp"
#include "layers/oci/media_type.hpp"

#include <algorithm>
#include <memory>

namespace kiln::oci {
namespace {

/// Bytes that were read to look at them, then the rest.
class PrefixedSource final : public ByteSource {
  public:
    PrefixedSource(ByteSpan prefix, ByteSource& rest)
        : prefix_(prefix),
          rest_(rest) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        if (prefix_.empty()) {
            return rest_.read(into);
        }
        const std::size_t count = std::min(into.size(), prefix_.size());
        std::copy_n(prefix_.begin(), count, into.begin());
        prefix_ = prefix_.subspan(count);
        return count;
    }

  private:
    ByteSpan prefix_;
    ByteSource& rest_;
};

Result<Bytes> read_first(ByteSource& source) {
    Bytes first(k_sniff_bytes);
    std::size_t have = 0;
    std::size_t count = 0;
    do {
        TRY_ASSIGN(count, source.read(MutableByteSpan(first).subspan(have)));
        have += count;
    } while (count > 0 && have < first.size());
    first.resize(have);
    return first;
}

/// nullopt: a format that no layer may have.
std::optional<Compression> compression_of(StreamFormat format) {
    switch (format) {
        case StreamFormat::plain:
            return Compression::none;
        case StreamFormat::gzip:
            return Compression::gzip;
        case StreamFormat::zstd:
            return Compression::zstd;
        case StreamFormat::bzip2:
        case StreamFormat::xz:
            return std::nullopt;
    }
    return std::nullopt;
}

Result<void> check_media_type(const ExpectedLayer& expected, StreamFormat format) {
    if (!expected.blob) {
        return {};
    }
    const auto claimed = layer_compression(expected.blob->media_type);
    if (!claimed) {
        return fail(Code::unsupported, "{} is not a layer of an image", expected.blob->media_type);
    }
    if (claimed != compression_of(format)) {
        return fail(
            Code::invalid_input,
            "a layer is called {}, but its content is {}",
            expected.blob->media_type,
            stream_format_name(format)
        );
    }
    return {};
}

Result<void> check_identity(
    const ExpectedLayer& expected, const LayerIndex& index, std::uint64_t blob_bytes
) {
    if (expected.blob && expected.blob->size_bytes != blob_bytes) {
        return fail(
            Code::digest_mismatch,
            "layer {} has {} bytes, the manifest says {}",
            expected.blob->digest.render(),
            blob_bytes,
            expected.blob->size_bytes
        );
    }
    if (expected.diff_id && expected.diff_id != index.diff_id) {
        return fail(
            Code::digest_mismatch,
            "a layer's uncompressed content is {}, the config says {}",
            index.diff_id.render(),
            expected.diff_id->render()
        );
    }
    return {};
}

/// One pass over a layer; `copy`, where there is one, gets what is kept of it. Its dress has no
/// digest yet.
Result<BuiltLayer> read_layer(
    ByteSource& bytes,
    const ExpectedLayer& expected,
    ByteSink* copy,
    const tar::TarReaderLimits& limits,
    const std::stop_token& stop
) {
    TRY_ASSIGN(const Bytes first, read_first(bytes));
    const StreamFormat format = sniff_stream(first);
    TRY(check_media_type(expected, format));
    const std::optional<Compression> kept = compression_of(format);
    PrefixedSource whole(first, bytes);
    CopyingSource blob(whole, kept ? copy : nullptr);
    TRY_ASSIGN(const auto plain, decompress(blob));
    CopyingSource tar(*plain, kept ? nullptr : copy);
    TRY_ASSIGN(LayerIndex index, index_layer_tar(tar, limits, stop));
    TRY(drain(blob));
    TRY(check_identity(expected, index, blob.size_bytes()));
    BuiltLayer built;
    built.layer.diff_id = index.diff_id;
    built.layer.tar_bytes = index.tar_bytes;
    built.layer.dress.compression = kept.value_or(Compression::none);
    built.table = std::move(index.table);
    built.entries = index.entries;
    return built;
}

}  // namespace

Result<BuiltLayer> take_layer(
    ByteSource& bytes,
    const ExpectedLayer& expected,
    store::BlobStore& blobs,
    const store::Lease& lease,
    const tar::TarReaderLimits& limits,
    std::stop_token stop
) {
    TRY_ASSIGN(auto writer, blobs.begin(lease));
    TRY_ASSIGN(BuiltLayer built, read_layer(bytes, expected, writer.get(), limits, stop));
    std::optional<Digest> digest;
    if (expected.blob) {
        digest = expected.blob->digest;
    }
    TRY_ASSIGN(const auto committed, writer->commit(digest));
    built.layer.dress.digest = committed.digest;
    built.layer.dress.size_bytes = committed.size_bytes;
    return built;
}

Result<BuiltLayer> index_layer(
    ByteSource& bytes,
    const Descriptor& blob,
    const Digest& diff_id,
    const tar::TarReaderLimits& limits,
    std::stop_token stop
) {
    const ExpectedLayer expected{.blob = blob, .diff_id = diff_id};
    TRY_ASSIGN(BuiltLayer built, read_layer(bytes, expected, nullptr, limits, stop));
    built.layer.dress.digest = blob.digest;
    built.layer.dress.size_bytes = blob.size_bytes;
    return built;
}

}  // namespace kiln::oci
