#pragma once

#include "store/base/file.hpp"
#include "store/base/pool.hpp"
#include "store/lease.hpp"
#include "store/object_folder.hpp"
#include "store/records.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace kiln::store {

/// The content of one file of a context, readable for as long as the object lives.
struct Content {
    std::shared_ptr<const Fd> file;
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;

    [[nodiscard]] FdSource source() const { return FdSource(file->get(), offset, size_bytes); }
};

/// What one upload brought.
struct Received {
    std::optional<Digest> pack;  // nullopt when everything was known
    std::uint64_t contents = 0;
    std::uint64_t size_bytes = 0;
};

/// Contents of contexts by digest, many in one file. A pack is the stream that brought them, minus
/// what was known: repeat{32 raw digest bytes, u64 little-endian size, the bytes}
/// (pack_stream.hpp). Its name is the sha256 of its headers, so the same contents make the same
/// pack. Thread   any; may block.
class Packs {
  public:
    Packs(ObjectFolder& folder, const Index& index, ThreadPool& pool)
        : folder_(folder),
          index_(index),
          pool_(pool) {}

    /// One upload into one pack; visible at once, durable when a record() names the pack.
    /// Errors   digest_mismatch; corrupt when the stream ends early; too_large. Nothing is kept.
    Result<Received> receive(ByteSource& stream, const Lease& lease, const std::stop_token& stop);
    [[nodiscard]] Result<ContentSearch> search(std::span<const Digest> wanted) const;
    /// Keep, then look, for contents: `keep` is called with every pack that holds one of them, and
    /// the answer is true for as long as it is kept. A content's own digest keeps nothing.
    using Keep = std::function<void(const Digest& pack)>;
    [[nodiscard]] Result<ContentSearch> search_and_keep(
        std::span<const Digest> wanted, const Keep& keep
    ) const;
    [[nodiscard]] Result<std::optional<ContentPlace>> find(const Digest& content) const;
    /// Errors   not_found.
    [[nodiscard]] Result<Content> open(const Digest& content) const;

    /// The contents of a pack that is not durable yet, for record().
    [[nodiscard]] std::map<Digest, ContentPlace> fresh_contents(const Digest& pack) const;
    /// The index knows it now, or the collector took it.
    void forget_fresh(const Digest& pack);

  private:
    [[nodiscard]] Result<std::shared_ptr<const Fd>> open_pack(const Digest& pack) const;

    ObjectFolder& folder_;
    const Index& index_;
    ThreadPool& pool_;
    mutable std::mutex mutex_;
    std::map<Digest, ContentPlace> fresh_;
    mutable std::deque<std::pair<Digest, std::shared_ptr<const Fd>>> opened_;  // the latest few
};

}  // namespace kiln::store
