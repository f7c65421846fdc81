#pragma once

#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"

#include <string>

namespace kiln::tar {

/// The header blocks of one entry in the canonical form (house.md, "Layers, exactly"): ustar where
/// it fits, a pax header before it only for what does not. The same entry gives the same bytes
/// everywhere.
Bytes render_header(const TarEntry& entry);

/// NULs after `size_bytes` of content up to the next 512: at most 511.
constexpr std::size_t padding_after(std::uint64_t size_bytes) {
    return static_cast<std::size_t>((512 - size_bytes % 512) % 512);
}

inline constexpr std::size_t k_trailer_bytes = 1024;

/// Writes entries as they come; order is the caller's (LayerBuilder sees to it).
class TarWriter final : public ByteSink {
  public:
    explicit TarWriter(ByteSink& out)
        : out_(out) {}

    /// Then exactly entry.size_bytes of content through write().
    Result<void> append(const TarEntry& entry);
    Result<void> write(ByteSpan content) override;
    /// 1,024 zero bytes, no blocking beyond. Errors: internal when content is missing.
    Result<void> finish();

  private:
    Result<void> pad();
    ByteSink& out_;
    std::uint64_t content_left_ = 0;
    std::size_t padding_ = 0;
};

}  // namespace kiln::tar
