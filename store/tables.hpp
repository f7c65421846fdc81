#pragma once

#include "store/base/file.hpp"
#include "store/lease.hpp"
#include "store/object_folder.hpp"

#include <optional>

namespace kiln::store {

/// Tables of contents by diff_id, and listings of contexts by their own digest: compact files that
/// are mapped, beside the blobs because they are named after something else than their bytes.
/// Thread   any; may block.
class Tables {
  public:
    explicit Tables(ObjectFolder& folder)
        : folder_(folder) {}

    /// Visible at once, durable when a record() names it (a layer's or a context's does). An
    /// existing table is kept.
    Result<void> put(const Digest& name, ByteSpan bytes, const Lease& lease);
    /// Errors   not_found.
    [[nodiscard]] Result<MappedFile> open(const Digest& name) const;
    /// The same as a file, for those who map it in another process.
    [[nodiscard]] Result<Fd> open_file(const Digest& name) const;
    [[nodiscard]] Result<bool> has(const Digest& name) const;

  private:
    ObjectFolder& folder_;
};

}  // namespace kiln::store
