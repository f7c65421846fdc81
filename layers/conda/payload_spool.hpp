#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// Where the spool keeps one content.
struct Spooled {
    std::uint64_t size_bytes = 0;
    const std::byte* memory = nullptr;  // null: in the scratch file, at `offset`
    std::uint64_t offset = 0;
};

/// Contents in the order of an archive, to be read in another order: in memory up to a limit, the
/// rest in an unnamed file. What it holds is gone with it.
/// Thread   one spool, one thread.
class PayloadSpool {
  public:
    /// `scratch_directory_fd` says where the unnamed file may be made; -1: in memory that may be
    /// swapped out (memfd).
    PayloadSpool(int scratch_directory_fd, std::size_t memory_limit_bytes)
        : scratch_directory_fd_(scratch_directory_fd),
          memory_left_(memory_limit_bytes) {}

    /// Takes exactly `size_bytes`. Errors   corrupt when `content` has fewer; out_of_space.
    Result<Spooled> keep(ByteSource& content, std::uint64_t size_bytes);

    /// The bytes, where they rest in memory.
    [[nodiscard]] static bool in_memory(const Spooled& kept) {
        return kept.memory != nullptr || kept.size_bytes == 0;
    }

    [[nodiscard]] static ByteSpan view(const Spooled& kept) {
        return {kept.memory, kept.memory == nullptr ? 0 : kept.size_bytes};
    }

    /// A source over one content; the spool outlives it.
    [[nodiscard]] FdSource source(const Spooled& kept) const {
        return FdSource(scratch_.get(), kept.offset, kept.size_bytes);
    }

    /// A copy of one content, wherever it rests.
    [[nodiscard]] Result<Bytes> copy(const Spooled& kept) const;

  private:
    struct Unmap {
        std::size_t size_bytes;
        void operator()(std::byte* start) const;
    };

    Result<void> make_room(std::size_t size_bytes);
    Result<Spooled> keep_in_memory(ByteSource& content, std::size_t size_bytes);
    Result<Spooled> keep_in_file(ByteSource& content, std::uint64_t size_bytes);

    int scratch_directory_fd_;
    std::size_t memory_left_;
    std::unique_ptr<std::byte[]> first_;           // enough for most packages
    std::unique_ptr<std::byte[], Unmap> mapping_;  // the rest of what may lie in memory
    std::byte* free_ = nullptr;                    // in the last of them
    std::size_t free_bytes_ = 0;
    Fd scratch_;
    std::uint64_t scratch_bytes_ = 0;
};

}  // namespace kiln::conda
