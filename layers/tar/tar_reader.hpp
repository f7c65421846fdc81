#pragma once

#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

namespace kiln::tar {

struct TarReaderLimits {
    std::uint64_t entries = 2'000'000;          // the largest images seen hold under 1 M
    std::uint64_t content_bytes = 1ULL << 40U;  // 1 TiB in all, holes of sparse files included
    std::uint64_t file_bytes = 1ULL << 38U;     // 256 GiB a file
    std::uint64_t expansion_ratio = 2000;  // beyond k_expansion_floor bytes: a decompression bomb
};

/// Reads what the world sends: v7, ustar, pax, GNU, sparse; plain or gzip (multi-member), zstd, xz,
/// bzip2, told apart by content. Hostile input ends in an Error, never in a crash or an entry that
/// leaves the root. Shape    next() then content() until it gives 0; skipping content is fine.
/// Whiteouts come as plain entries.
///          Sockets and GNU multi-volume parts are refused by name; global pax headers are honoured
///          or ignored.
/// Errors   corrupt (not a tar, truncated), invalid_input ("..", absolute hard link targets that
/// leave the root), too_large. Thread   one reader, one thread.
class TarReader {
  public:
    /// `source` outlives the reader.
    static Result<TarReader> open(
        ByteSource& source, const TarReaderLimits& limits, std::stop_token stop
    );
    TarReader(TarReader&&) noexcept;
    TarReader& operator=(TarReader&&) noexcept;
    ~TarReader();

    /// The next entry; nullopt at the end of the archive.
    Result<std::optional<TarEntry>> next();
    /// Content of the entry that next() gave last; holes read as zeros.
    ByteSource& content();
    /// Where that content begins in the uncompressed tar; nullopt for a sparse file, whose content
    /// lies nowhere in one piece.
    [[nodiscard]] std::optional<std::uint64_t> content_offset() const;

  private:
    struct State;
    explicit TarReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace kiln::tar
