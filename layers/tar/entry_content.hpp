#pragma once

#include "layers/tar/sparse.hpp"
#include "layers/tar/tar_input.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace kiln::tar {

/// The bytes behind the header at hand, up to the next one.
class EntryContent final : public ByteSource {
  public:
    /// `input` outlives the content.
    explicit EntryContent(TarInput& input)
        : input_(input) {}

    /// The archive holds `stored_bytes` from here on; as `extents` place them, they are a file of
    /// `size_bytes`.
    void begin(std::uint64_t stored_bytes, std::vector<Extent> extents, std::uint64_t size_bytes);
    /// Moves the input behind the rest of it. Padding that the end of the archive cut off isn't
    /// missed.
    /// Errors   corrupt when content is missing.
    Result<void> pass();

    Result<std::size_t> read(MutableByteSpan into) override;

    [[nodiscard]] const std::vector<Extent>& extents() const { return extents_; }

    /// Where in the tar it begins; nullopt when it doesn't lie in one piece.
    [[nodiscard]] std::optional<std::uint64_t> offset() const;

  private:
    TarInput& input_;
    std::uint64_t stored_end_ = 0;  // in the tar, without the padding
    std::vector<Extent> extents_;
    std::size_t extent_ = 0;
    std::uint64_t position_ = 0;  // in the file
    std::uint64_t size_bytes_ = 0;
};

}  // namespace kiln::tar
