#pragma once

#include "store/base/bytes.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kiln::conda {

/// The file of a RepodataIndex: this header, then
///   names     name_count + 1 rows {u32 start of the name among the texts, u32 its first record}
///   records   record_count rows {u64 offset | section << 56, u32 size}
///   texts     names, removed file names (each behind a u32 of its length), subdir, base_url,
///             channel_relations
///   seal      sha256 of everything before
/// Numbers are little-endian. The last row of names is where the last name and its records end.
struct IndexHeader {
    static constexpr std::array<char, 8> k_magic{'k', 'i', 'l', 'n', 'r', 'd', 'x', '2'};

    std::array<char, 8> magic = k_magic;
    std::array<std::byte, 32> repodata = {};  // its sha256
    std::uint64_t repodata_bytes = 0;
    std::uint32_t name_count = 0;
    std::uint32_t record_count = 0;
    std::uint32_t removed_count = 0;
    std::uint32_t removed_bytes = 0;
    std::uint32_t subdir_bytes = 0;
    std::uint32_t base_url_bytes = 0;
    std::uint32_t relations_bytes = 0;
    std::uint32_t reserved = 0;
};

static_assert(sizeof(IndexHeader) == 80);
static_assert(std::endian::native == std::endian::little, "the index is mapped as it lies there");

inline constexpr std::size_t k_name_row_bytes = 8;
inline constexpr std::size_t k_record_row_bytes = 12;
inline constexpr std::size_t k_seal_bytes = 32;

template<class Number>
Number load(ByteSpan bytes, std::size_t at) {
    Number value{};
    std::memcpy(&value, bytes.data() + at, sizeof(Number));
    return value;
}

/// Where the parts of a file lie that has been checked.
struct IndexParts {
    explicit IndexParts(ByteSpan file)
        : bytes(file),
          header(load<IndexHeader>(file, 0)),
          names(sizeof(IndexHeader)),
          records(names + (header.name_count + std::size_t{1}) * k_name_row_bytes),
          texts(records + header.record_count * k_record_row_bytes) {}

    [[nodiscard]] std::uint32_t name_start(std::size_t index) const {
        return load<std::uint32_t>(bytes, names + index * k_name_row_bytes);
    }

    [[nodiscard]] std::uint32_t first_record(std::size_t index) const {
        return load<std::uint32_t>(bytes, names + index * k_name_row_bytes + 4);
    }

    [[nodiscard]] std::string_view text(std::size_t start, std::size_t size) const {
        return as_text(bytes.subspan(texts + start, size));
    }

    [[nodiscard]] std::size_t removed_start() const { return name_start(header.name_count); }

    [[nodiscard]] std::size_t info_start() const { return removed_start() + header.removed_bytes; }

    ByteSpan bytes;
    IndexHeader header;
    std::size_t names;
    std::size_t records;
    std::size_t texts;
};

}  // namespace kiln::conda
