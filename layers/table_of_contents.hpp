#pragma once

#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"
#include "store/base/file.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace kiln {

/// One row: the entry, where its content lies in the tar, and what the content is.
struct TableRow {
    tar::TarEntry entry;
    std::uint64_t content_offset = 0;  // in the uncompressed tar; 0 when there is no content
    Digest content = {};               // sha256 of the content; zero but for files
};

/// Every path of one layer, sorted by tar::path_less, in a compact file that is mapped and read in
/// place: a subtree is a contiguous range. Later duplicates in a tar have already won. Rows are
/// decoded on demand. Errors   open() checks magic, version, bounds and order of everything:
/// corrupt otherwise. Thread   immutable; any.
class TableOfContents {
  public:
    /// From a mapped file beside the blobs, or from bytes in memory.
    static Result<std::shared_ptr<const TableOfContents>> open(MappedFile file);
    static Result<std::shared_ptr<const TableOfContents>> open(Bytes bytes);
    /// Inverse of open(); rows sorted and unique by path (ASSERTed).
    static Bytes render(const std::vector<TableRow>& rows);

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] TableRow row(std::size_t index) const;
    [[nodiscard]] std::string_view path(std::size_t index) const;
    /// The exact path, or nullopt.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view path) const;

    struct Range {
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    /// All rows below `directory`, at any depth, without its own row. "" is everything but the
    /// root's row.
    [[nodiscard]] Range below(std::string_view directory) const;

  private:
    [[nodiscard]] std::size_t lower_bound(std::string_view path) const;

    struct Data;
    explicit TableOfContents(std::unique_ptr<const Data> data);
    std::unique_ptr<const Data> data_;

  public:
    ~TableOfContents();
    TableOfContents(const TableOfContents&) = delete;
    TableOfContents& operator=(const TableOfContents&) = delete;
};

}  // namespace kiln
