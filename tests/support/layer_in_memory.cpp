#include "tests/support/layer_in_memory.hpp"

#include "layers/tar/tar_writer.hpp"
#include "tests/support/temp_directory.hpp"

namespace kiln::testing {

Fd LayerInMemory::open() const {
    return file_of(as_text(blob));
}

StoredPart LayerInMemory::as_part(const Fd& blob_fd) const {
    const Layer& whole = built.layer;
    const std::uint64_t tar_bytes = whole.tar_bytes - tar::k_trailer_bytes;
    return {blob_fd.get(), find_part(whole.dress, 0, tar_bytes).value(), tar_bytes, table};
}

Result<LayerInMemory> build_layer(
    const std::function<Result<void>(LayerBuilder&)>& fill,
    Compression compression,
    std::size_t workers
) {
    constexpr std::size_t k_most_bytes = std::size_t{2} << 30U;
    ThreadPool pool(workers);
    MemorySink blob(k_most_bytes);
    LayerBuilder builder({.compression = compression}, pool, blob, {});
    TRY(fill(builder));
    LayerInMemory layer;
    TRY_ASSIGN(layer.built, builder.finish());
    layer.blob = blob.take();
    TRY_ASSIGN(layer.table, TableOfContents::open(layer.built.table));
    return layer;
}

}  // namespace kiln::testing
