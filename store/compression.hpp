#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kiln {

/// How a layer's tar is dressed as a blob. Identity is the diff_id; this is only dress.
enum class Compression : std::uint8_t { none, gzip, zstd };

constexpr std::string_view compression_name(Compression compression) {
    switch (compression) {
        case Compression::none:
            return "none";
        case Compression::gzip:
            return "gzip";
        case Compression::zstd:
            return "zstd";
    }
    return "none";
}

constexpr std::optional<Compression> parse_compression(std::string_view name) {
    for (const Compression each : {Compression::none, Compression::gzip, Compression::zstd}) {
        if (compression_name(each) == name) {
            return each;
        }
    }
    return std::nullopt;
}

}  // namespace kiln
