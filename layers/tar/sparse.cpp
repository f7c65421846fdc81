#include "layers/tar/sparse.hpp"

#include <charconv>
#include <string>

namespace kiln::tar {
namespace {

/// A map of a million runs describes a file that nobody would send in a layer.
constexpr std::size_t k_sparse_extents = 1U << 20U;
constexpr std::size_t k_number_bytes = 12;
constexpr std::size_t k_pair_bytes = 2 * k_number_bytes;
constexpr std::size_t k_extension_pairs = 21;

tl::unexpected<Error> malformed() {
    return fail(Code::corrupt, "the map of a sparse file is malformed");
}

Result<void> add(std::vector<Extent>& extents, std::uint64_t offset, std::uint64_t size) {
    if (extents.size() == k_sparse_extents) {
        return fail(Code::too_large, "a sparse file has more than {} pieces", k_sparse_extents);
    }
    extents.push_back({.file_offset = offset, .tar_offset = 0, .size_bytes = size});
    return {};
}

/// Pairs of numbers up to the first empty one.
Result<void> add_pairs(std::vector<Extent>& extents, ByteSpan pairs) {
    for (; pairs.size() >= k_pair_bytes && pairs[0] != std::byte{0};
         pairs = pairs.subspan(k_pair_bytes)) {
        const auto offset = parse_number(pairs.first(k_number_bytes));
        const auto size = parse_number(pairs.subspan(k_number_bytes, k_number_bytes));
        if (!offset || !size || *offset < 0 || *size < 0) {
            return malformed();
        }
        TRY(add(extents, static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*size)));
    }
    return {};
}

/// Numbers of one line each, in whole blocks before the content.
class LineReader {
  public:
    LineReader(TarInput& input, std::uint64_t& stored_bytes)
        : input_(input),
          stored_bytes_(stored_bytes) {}

    Result<std::uint64_t> number() {
        std::size_t newline = text_.find('\n', position_);
        while (newline == std::string::npos) {
            // 20 digits are the most that 64 bits need.
            if (text_.size() - position_ > 20 || stored_bytes_ < k_block_bytes) {
                return malformed();
            }
            text_.erase(0, position_);
            position_ = 0;
            TRY_ASSIGN(const auto block, input_.block());
            if (!block) {
                return fail(Code::corrupt, "the archive ends inside the map of a sparse file");
            }
            stored_bytes_ -= k_block_bytes;
            text_ += as_text(*block);
            newline = text_.find('\n', position_);
        }
        std::uint64_t value = 0;
        const char* const end = text_.data() + newline;
        const auto [stop, error] = std::from_chars(text_.data() + position_, end, value);
        if (error != std::errc{} || stop != end) {
            return malformed();
        }
        position_ = newline + 1;
        return value;
    }

  private:
    TarInput& input_;
    std::uint64_t& stored_bytes_;
    std::string text_;
    std::size_t position_ = 0;
};

}  // namespace

Result<std::vector<Extent>> read_gnu_sparse_map(ByteSpan header, TarInput& input) {
    std::vector<Extent> extents;
    TRY(add_pairs(extents, field::k_gnu_sparse.in(header)));
    bool more = header[field::k_gnu_sparse_more.offset] != std::byte{0};
    while (more) {
        TRY_ASSIGN(const auto block, input.block());
        if (!block) {
            return fail(Code::corrupt, "the archive ends inside the map of a sparse file");
        }
        TRY(add_pairs(extents, block->first(k_extension_pairs * k_pair_bytes)));
        more = (*block)[k_extension_pairs * k_pair_bytes] != std::byte{0};
    }
    return extents;
}

Result<std::vector<Extent>> read_pax_sparse_map(
    const PaxSparse& sparse, TarInput& input, std::uint64_t& stored_bytes
) {
    std::vector<Extent> extents;
    if (sparse.major == 0) {
        if (sparse.map.size() % 2 != 0) {
            return malformed();
        }
        for (std::size_t i = 0; i < sparse.map.size(); i += 2) {
            TRY(add(extents, sparse.map[i], sparse.map[i + 1]));
        }
        return extents;
    }
    if (sparse.major != 1) {
        return fail(Code::unsupported, "sparse files of version {} are unknown", sparse.major);
    }
    LineReader lines(input, stored_bytes);
    TRY_ASSIGN(const std::uint64_t count, lines.number());
    for (std::uint64_t i = 0; i < count; ++i) {
        TRY_ASSIGN(const std::uint64_t offset, lines.number());
        TRY_ASSIGN(const std::uint64_t size, lines.number());
        TRY(add(extents, offset, size));
    }
    return extents;
}

Result<void> place_extents(
    std::vector<Extent>& extents,
    std::uint64_t file_bytes,
    std::uint64_t content_offset,
    std::uint64_t stored_bytes
) {
    std::uint64_t reached = 0;
    std::uint64_t stored = 0;
    for (Extent& extent : extents) {
        if (extent.file_offset < reached || extent.file_offset > file_bytes
            || extent.size_bytes > file_bytes - extent.file_offset
            || extent.size_bytes > stored_bytes - stored) {
            return malformed();
        }
        extent.tar_offset = content_offset + stored;
        reached = extent.file_offset + extent.size_bytes;
        stored += extent.size_bytes;
    }
    return {};
}

}  // namespace kiln::tar
