#pragma once

#include "store/base/bytes.hpp"
#include "store/base/pool.hpp"
#include "store/object_folder.hpp"

#include <cstdint>
#include <memory>

namespace kiln::store {

/// Gathers what is written to a file and writes it on a thread of the pool while the next bytes
/// are made: ten thousand small files are not ten thousand writes, and who hashes a large one does
/// not wait for the disk. A full buffer that no thread of the pool has begun is written by whoever
/// would wait for it. Thread   one caller; the pool outlives it.
class WriteBehind {
  public:
    WriteBehind(NewFile file, ThreadPool& pool);
    WriteBehind(const WriteBehind&) = delete;
    WriteBehind& operator=(const WriteBehind&) = delete;
    ~WriteBehind();

    /// Errors   those of the disk, perhaps of an earlier write.
    Result<void> write(ByteSpan bytes);
    /// The file with all its bytes. Call once, last.
    Result<NewFile> finish();

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    struct Shared;

    std::shared_ptr<Shared> shared_;
    ThreadPool& pool_;
    Bytes filling_;
    std::uint64_t size_bytes_ = 0;
};

}  // namespace kiln::store
