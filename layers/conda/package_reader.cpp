#include "layers/conda/package_reader.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/conda/zip_directory.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/base/file.hpp"
#include "store/base/stop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

namespace kiln::conda {

namespace {

constexpr tar::TarReaderLimits k_tar_limits{
    .entries = k_package_entries,
    .content_bytes = k_package_content_bytes,
    .file_bytes = k_package_content_bytes};
constexpr std::size_t k_metadata_json_bytes = 64UL * 1024;
constexpr std::size_t k_frame_header_bytes = 18;
constexpr std::uint64_t k_unbounded_window = 128ULL << 20U;  // what the decoder allows at most

enum class Go : std::uint8_t { on, stop };

using Walk = std::function<Result<Go>(const tar::TarEntry& entry, ByteSource& content)>;

/// Types of members, which a v1 manifest does not tell.
using MemberTypes = std::map<std::string, tar::EntryType, std::less<>>;

std::uint64_t declared_window(ByteSpan header);
Result<bool> is_zip(int fd);
Result<Go> walk_tar(ByteSource& packed, const std::stop_token& stop, const Walk& walk);
Result<const ZipMember*> find_member(
    const std::vector<ZipMember>& members, std::string_view prefix
);
Result<void> check_format_version(int fd, const std::vector<ZipMember>& members);
Result<void> take_info(const tar::TarEntry& entry, ByteSource& content, InfoTexts& info);
bool knows_enough(const InfoTexts& info);
void set_types(const MemberTypes& types, PackageMetadata& metadata);

bool is_info(std::string_view path) {
    return path == "info" || path.starts_with("info/");
}

}  // namespace

Result<PackageMetadata> PackageReader::metadata() {
    InfoTexts info;
    MemberTypes types;
    const Walk take = [&](const tar::TarEntry& entry, ByteSource& content) -> Result<Go> {
        if (is_info(entry.path)) {
            TRY(take_info(entry, content, info));
        } else {
            types.insert_or_assign(entry.path, entry.type);
        }
        return knows_enough(info) ? Go::stop : Go::on;
    };
    TRY_ASSIGN(const bool zip, is_zip(fd_), "while reading {}", package_);
    if (!zip) {
        FdSource packed(fd_);
        TRY(walk_tar(packed, stop_, take), "while reading {}", package_);
    } else {
        TRY_ASSIGN(const auto members, read_zip_directory(fd_), "while reading {}", package_);
        TRY(check_format_version(fd_, members), "while reading {}", package_);
        TRY_ASSIGN(
            const ZipMember* part, find_member(members, "info-"), "while reading {}", package_
        );
        TRY_ASSIGN(auto packed, open_zip_member(fd_, *part), "while reading {}", package_);
        TRY(walk_tar(*packed, stop_, take), "while reading {} in {}", part->name, package_);
    }
    TRY_ASSIGN(PackageMetadata metadata, read_metadata(info, package_));
    if (!info.paths) {
        if (zip) {
            TRY(each_payload([&](const tar::TarEntry& entry, ByteSource&) -> Result<void> {
                types.insert_or_assign(entry.path, entry.type);
                return {};
            }));
        }
        set_types(types, metadata);
    }
    return metadata;
}

Result<void> PackageReader::each_payload(const Visitor& visit) {
    const Walk walk = [&](const tar::TarEntry& entry, ByteSource& content) -> Result<Go> {
        if (!is_info(entry.path)) {
            TRY(visit(entry, content));
        }
        return Go::on;
    };
    TRY_ASSIGN(const bool zip, is_zip(fd_), "while reading {}", package_);
    if (!zip) {
        FdSource packed(fd_);
        TRY(walk_tar(packed, stop_, walk), "while reading {}", package_);
        return {};
    }
    TRY_ASSIGN(const auto members, read_zip_directory(fd_), "while reading {}", package_);
    // Old writers put links to directories (ncurses: lib/terminfo) into info-*.
    for (const std::string_view which : {"pkg-", "info-"}) {
        TRY_ASSIGN(
            const ZipMember* part, find_member(members, which), "while reading {}", package_
        );
        TRY_ASSIGN(auto packed, open_zip_member(fd_, *part), "while reading {}", package_);
        TRY(walk_tar(*packed, stop_, walk), "while reading {} in {}", part->name, package_);
    }
    return {};
}

Result<std::uint64_t> PackageReader::window_bytes() {
    TRY_ASSIGN(const bool zip, is_zip(fd_), "while reading {}", package_);
    if (!zip) {
        return 0;
    }
    TRY_ASSIGN(const auto members, read_zip_directory(fd_), "while reading {}", package_);
    TRY_ASSIGN(const ZipMember* part, find_member(members, "pkg-"), "while reading {}", package_);
    TRY_ASSIGN(auto packed, open_zip_member(fd_, *part), "while reading {}", package_);
    std::array<std::byte, k_frame_header_bytes> header{};
    std::size_t filled = 0;
    while (filled < header.size()) {
        TRY_ASSIGN(const std::size_t count, packed->read(MutableByteSpan(header).subspan(filled)));
        if (count == 0) {
            break;
        }
        filled += count;
    }
    return declared_window(ByteSpan(header).first(filled));
}

namespace {

/// RFC 8878, 3.1.1.1: what a frame says of its window and content.
std::uint64_t declared_window(ByteSpan header) {
    constexpr std::string_view k_zstd_magic = "\x28\xb5\x2f\xfd";
    const auto at = [&](std::size_t index) {
        return index < header.size() ? static_cast<std::uint64_t>(header[index]) : 0;
    };
    if (!as_text(header).starts_with(k_zstd_magic)) {
        return 0;
    }
    const std::uint64_t descriptor = at(4);
    const bool single_segment = (descriptor & 0x20U) != 0;
    constexpr std::array<std::size_t, 4> k_dictionary_bytes = {0, 1, 2, 4};
    std::size_t next = 5;
    std::uint64_t window = k_unbounded_window;
    if (!single_segment) {
        const std::uint64_t base = 1ULL << (10 + (at(next) >> 3U));
        window = base + base / 8 * (at(next) & 7U);
        ++next;
    }
    next += k_dictionary_bytes[descriptor & 3U];
    constexpr std::array<std::size_t, 4> k_size_bytes = {0, 2, 4, 8};
    const std::size_t flag = descriptor >> 6U;
    const std::size_t size_bytes = flag == 0 && single_segment ? 1 : k_size_bytes[flag];
    if (size_bytes == 0) {
        return window;
    }
    std::uint64_t content = flag == 1 ? 256 : 0;
    for (std::size_t i = 0; i < size_bytes; ++i) {
        content += at(next + i) << (8 * i);
    }
    return std::min(window, content);
}

Result<bool> is_zip(int fd) {
    std::array<std::byte, 4> first{};
    TRY_ASSIGN(const std::size_t size, pread_some(fd, first, 0));
    if (size == 0) {
        return fail(Code::corrupt, "the file is empty");
    }
    return as_text(ByteSpan(first).first(size)).starts_with("PK");
}

Result<Go> walk_tar(ByteSource& packed, const std::stop_token& stop, const Walk& walk) {
    TRY_ASSIGN(auto plain, decompress(packed));
    TRY_ASSIGN(auto reader, tar::TarReader::open(*plain, k_tar_limits, stop));
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(const std::optional<tar::TarEntry> entry, reader.next());
        if (!entry) {
            return Go::on;
        }
        if (entry->path.empty()) {
            continue;  // "./"
        }
        TRY_ASSIGN(const Go go, walk(*entry, reader.content()));
        if (go == Go::stop) {
            return Go::stop;
        }
    }
}

/// Zipped again by hand, the members lie in a folder.
std::string_view base_name(std::string_view name) {
    return name.substr(name.rfind('/') + 1);
}

/// By prefix and ending: files are renamed, the names inside stay.
Result<const ZipMember*> find_member(
    const std::vector<ZipMember>& members, std::string_view prefix
) {
    const ZipMember* found = nullptr;
    for (const ZipMember& member : members) {
        if (!base_name(member.name).starts_with(prefix) || !member.name.ends_with(".tar.zst")) {
            continue;
        }
        if (found != nullptr) {
            return fail(Code::corrupt, "the zip holds both {} and {}", found->name, member.name);
        }
        found = &member;
    }
    if (found == nullptr) {
        return fail(Code::corrupt, "the zip holds no {}….tar.zst", prefix);
    }
    return found;
}

/// metadata.json is empty or missing in real packages: then they are of version 2 (cep-35 has no
/// other).
Result<void> check_format_version(int fd, const std::vector<ZipMember>& members) {
    const auto member = std::find_if(members.begin(), members.end(), [](const ZipMember& each) {
        return base_name(each.name) == "metadata.json";
    });
    if (member == members.end() || member->size_bytes == 0) {
        return {};
    }
    TRY_ASSIGN(auto source, open_zip_member(fd, *member));
    TRY_ASSIGN(const Bytes text, read_all(*source, k_metadata_json_bytes, "metadata.json"));
    TRY_ASSIGN(const json::Value value, json::parse(as_text(text), "metadata.json"));
    json::ObjectReader in(value, "metadata.json");
    const std::uint64_t version = in.number_or("conda_pkg_format_version", 2);
    TRY(in.finish(json::UnknownFields::ignore));
    if (version != 2) {
        return fail(Code::unsupported, "the package is of format {}; 2 is known", version);
    }
    return {};
}

/// Of a name that comes twice the first one counts, since reading may stop early.
Result<void> take_info(const tar::TarEntry& entry, ByteSource& content, InfoTexts& info) {
    std::optional<std::string>* text = nullptr;
    if (entry.path == "info/index.json") {
        text = &info.index;
    } else if (entry.path == "info/paths.json") {
        text = &info.paths;
    } else if (entry.path == "info/link.json" || entry.path == "info/noarch.json") {
        text = &info.link;
    } else if (entry.path == "info/files") {
        text = &info.files;
    } else if (entry.path == "info/has_prefix") {
        text = &info.has_prefix;
    } else if (entry.path == "info/no_link") {
        text = &info.no_link;
    }
    if (text == nullptr || text->has_value()) {
        return {};
    }
    if (entry.type != tar::EntryType::file) {
        return fail(Code::corrupt, "{} is not a file", entry.path);
    }
    TRY_ASSIGN(const Bytes bytes, read_all(content, k_info_bytes, entry.path));
    *text = std::string(as_text(bytes));
    return {};
}

/// What a package for one platform says about noarch is in its index; only others have a link.json
/// to wait for.
bool knows_enough(const InfoTexts& info) {
    if (!info.index || !info.paths) {
        return false;
    }
    return info.link || info.index->find("noarch") == std::string::npos;
}

void set_types(const MemberTypes& types, PackageMetadata& metadata) {
    std::vector<ManifestPath> paths(metadata.paths.begin(), metadata.paths.end());
    for (ManifestPath& path : paths) {
        const auto member = types.find(path.path);
        if (member == types.end()) {
            continue;
        }
        if (member->second == tar::EntryType::symlink) {
            path.type = PathType::symlink;
        } else if (member->second == tar::EntryType::directory) {
            path.type = PathType::directory;
        }
    }
    metadata.paths = ManifestPaths(std::move(paths));
}

}  // namespace

}  // namespace kiln::conda
