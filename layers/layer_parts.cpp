#include "layers/layer_parts.hpp"

#include <algorithm>

namespace kiln {

std::optional<PartPlace> find_part(
    const Dress& dress, std::uint64_t tar_offset, std::uint64_t tar_bytes
) {
    if (dress.compression == Compression::none) {
        return PartPlace{.blob_offset = tar_offset, .frames = {}};
    }
    const std::span<const Frame> frames(dress.frames.frames);
    PartPlace place;
    std::size_t first = 0;
    for (; first < frames.size() && tar_offset > 0; ++first) {
        if (frames[first].tar_bytes > tar_offset) {
            return std::nullopt;
        }
        tar_offset -= frames[first].tar_bytes;
        place.blob_offset += frames[first].blob_bytes;
    }
    std::size_t end = first;
    for (; end < frames.size() && tar_bytes > 0; ++end) {
        if (frames[end].tar_bytes > tar_bytes) {
            return std::nullopt;
        }
        tar_bytes -= frames[end].tar_bytes;
    }
    if (tar_offset > 0 || tar_bytes > 0) {
        return std::nullopt;
    }
    place.frames = frames.subspan(first, end - first);
    return place;
}

Result<void> merge_rows(std::vector<TableRow>& rows) {
    std::stable_sort(rows.begin(), rows.end(), [](const TableRow& a, const TableRow& b) {
        return tar::path_less(a.entry.path, b.entry.path);
    });
    const auto same = [](const TableRow& a, const TableRow& b) {
        return a.entry.path == b.entry.path;
    };
    for (auto at = rows.begin(); at != rows.end(); ++at) {
        at = std::adjacent_find(at, rows.end(), same);
        if (at == rows.end()) {
            break;
        }
        if (at->entry.type != tar::EntryType::directory
            || std::next(at)->entry.type != tar::EntryType::directory) {
            return fail(Code::internal, "{} is in two parts of a layer", at->entry.path);
        }
    }
    rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
    return {};
}

}  // namespace kiln
