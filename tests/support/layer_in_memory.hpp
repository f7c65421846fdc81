#pragma once

#include "layers/layer_builder.hpp"
#include "layers/table_of_contents.hpp"

#include <cstddef>
#include <functional>
#include <memory>

namespace kiln::testing {

/// A layer that was built, with its bytes in memory.
struct LayerInMemory {
    BuiltLayer built;
    Bytes blob;
    std::shared_ptr<const TableOfContents> table;

    /// The blob as a file.
    [[nodiscard]] Fd open() const;
    /// All of it as a part of another. `blob_fd` is open(); both outlive the part.
    [[nodiscard]] StoredPart as_part(const Fd& blob_fd) const;
};

/// A layer of what `fill` adds to it, made by `workers` and the caller.
Result<LayerInMemory> build_layer(
    const std::function<Result<void>(LayerBuilder&)>& fill,
    Compression compression = Compression::none,
    std::size_t workers = 1
);

}  // namespace kiln::testing
