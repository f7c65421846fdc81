#pragma once

#include "layers/compress/decompress.hpp"
#include "layers/tar/sparse.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::tar {

struct TarReaderLimits {
    std::uint64_t entries = 2'000'000;          // the largest images seen hold under 1 M
    std::uint64_t content_bytes = 1ULL << 40U;  // 1 TiB in all, holes of sparse files included
    std::uint64_t file_bytes = 1ULL << 38U;     // 256 GiB a file
    DecompressLimits stream = {};
};

/// Reads what the world sends: v7, ustar, pax, GNU, star, sparse; plain or gzip (multi-member),
/// zstd, xz, bzip2, told apart by content. Hostile input ends in an Error, never in a crash or an
/// entry that leaves the root. Nothing depends on the locale: names are bytes.
/// Shape    next() then content() until it gives 0; skipping content is fine. Whiteouts come as
///          plain entries. Attributes are kept as is_kept_xattr() says. Global pax headers and
///          volume labels are passed over; sockets too, with a notice. An archive without its
///          trailing zero blocks ends where its bytes end.
/// Errors   corrupt (not a tar, truncated, malformed), invalid_input ("..", no name, an impossible
///          owner), unsupported (multi-volume archives, unknown types), too_large.
/// Thread   one reader, one thread.
class TarReader {
  public:
    /// `source` outlives the reader.
    static Result<TarReader> open(
        ByteSource& source, const TarReaderLimits& limits, std::stop_token stop
    );
    /// Takes the bytes as they are, so that offsets are those of `source`.
    static TarReader open_plain(
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
    /// The pieces of it that the tar holds; a single one but for sparse files.
    [[nodiscard]] const std::vector<Extent>& extents() const;
    /// What was passed over so far, for people ("run/x: a socket").
    [[nodiscard]] const std::vector<std::string>& notices() const;

  private:
    struct State;
    explicit TarReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Whether a stream, decompressed if need be, begins like a tar archive; reads a little of it.
Result<bool> looks_like_tar(ByteSource& source);

}  // namespace kiln::tar
