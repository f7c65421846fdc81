#pragma once

#include "layers/layer.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"
#include "store/base/pool.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

namespace kiln {

class BlockBuffers;

/// Tar bytes in one block, and so in one frame: independent zstd -3 frames of 4 MiB cost 2% in
/// size, of 2 MiB 3.5%.
inline constexpr std::uint32_t k_frame_tar_bytes = 4 * 1024 * 1024;

struct LayerOptions {
    Compression compression = Compression::zstd;
    std::optional<int> level = std::nullopt;  // make_compressor()'s own when absent
    /// Of layers that follow each other; each has its own when absent.
    std::shared_ptr<BlockBuffers> buffers = nullptr;
};

/// Entries to both digests, blob and table of contents in one pass. Blocks are compressed by the
/// pool, and by the caller while it would otherwise wait; the bytes never depend on how many
/// threads there are. Shape    add() in canonical order (tar::path_less, ASSERTed; parents are the
/// caller's), then content for files;
///          finish() once. Hard links follow what they link to.
/// Errors   those of the sink; cancelled.
/// Thread   one builder, one thread; `pool` and `blob` outlive it. Writes to `blob` come from any
/// one thread at a time.
class LayerBuilder {
  public:
    LayerBuilder(
        const LayerOptions& options, ThreadPool& pool, ByteSink& blob, std::stop_token stop
    );
    LayerBuilder(const LayerBuilder&) = delete;
    LayerBuilder& operator=(const LayerBuilder&) = delete;
    ~LayerBuilder();

    /// An entry without content, or with all of it.
    Result<void> add(const tar::TarEntry& entry, ByteSpan content = {});
    /// An entry whose entry.size_bytes bytes come from `content`; `known` spares hashing them.
    /// Errors   corrupt when the source holds fewer or more bytes.
    Result<void> add(
        const tar::TarEntry& entry, ByteSource& content, std::optional<Digest> known = std::nullopt
    );

    /// A layer may be written in parts: what was added since the last one is a part now, and the
    /// order of paths begins anew. Either all of a layer is in parts or nothing.
    Result<void> end_part();
    /// A part of another layer of this compression, its frames as they are: only hashed anew.
    /// Errors   corrupt when the blob holds no such frames, perhaps later.
    Result<void> copy_part(const StoredPart& part);
    /// The hash of the tar is known up to here: the parts before it, which are copied, are not
    /// unpacked for it. Call first.
    void hash_from(const Hasher::Point& point);

    /// What went wrong beside the caller, so that it is not taken for a fault of what is added.
    [[nodiscard]] Result<void> failure() const;

    /// Errors   internal when two parts have the same path, and it is no directory.
    Result<BuiltLayer> finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A tar that is already canonical or must stay as it is (a foreign layer) as a
/// layer of another dress: same diff_id, new blob.
Result<Layer> redress(
    ByteSource& tar,
    const LayerOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    std::stop_token stop
);

}  // namespace kiln
