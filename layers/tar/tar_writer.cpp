#include "layers/tar/tar_writer.hpp"

#include "layers/tar/header.hpp"
#include "layers/tar/pax.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace kiln::tar {
namespace {

using PaxRecords = std::map<std::string, std::string>;

constexpr std::string_view k_ustar_magic(
    "ustar\0"
    "00",
    8
);
constexpr std::array<std::byte, k_trailer_bytes> k_zeros{};

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char each) {
        return static_cast<signed char>(each) > 0;
    });
}

struct SplitName {
    std::string_view prefix;
    std::string_view name;
};

/// ustar's way to hold up to 255 bytes: the prefix ends before a '/', as far to the right as it
/// goes, and the name isn't empty.
std::optional<SplitName> split_name(std::string_view name) {
    if (!is_ascii(name)) {
        return std::nullopt;
    }
    if (name.size() <= field::k_name.size) {
        return SplitName{.prefix = {}, .name = name};
    }
    const std::size_t last = std::min(name.size() - 2, field::k_prefix.size);
    const std::size_t slash = name.rfind('/', last);
    if (slash == std::string_view::npos || slash == 0
        || name.size() - slash - 1 > field::k_name.size) {
        return std::nullopt;
    }
    return SplitName{.prefix = name.substr(0, slash), .name = name.substr(slash + 1)};
}

char type_flag(EntryType type) {
    switch (type) {
        case EntryType::file:
            return '0';
        case EntryType::hardlink:
            return '1';
        case EntryType::symlink:
            return '2';
        case EntryType::char_device:
            return '3';
        case EntryType::block_device:
            return '4';
        case EntryType::directory:
            return '5';
        case EntryType::fifo:
            return '6';
    }
    return '0';
}

/// What a reader without pax gets to see: the ASCII bytes, cut to the field, without a '/' at the
/// cut.
void put_text(MutableByteSpan field, std::string_view text) {
    std::string ascii;
    std::copy_if(text.begin(), text.end(), std::back_inserter(ascii), [](char each) {
        return static_cast<signed char>(each) > 0;
    });
    if (ascii.size() > field.size()) {
        ascii.resize(field.size());
        ascii.resize(ascii.find_last_not_of('/') + 1);
    }
    std::memcpy(field.data(), ascii.data(), ascii.size());
}

/// Too large values are 0 here, and in a pax record.
void put_octal(MutableByteSpan field, std::uint64_t value) {
    render_number(field, fits_octal(value, field.size()) ? value : 0);
}

std::string pax_record(std::string_view key, std::string_view value) {
    // The length counts its own digits.
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + std::to_string(rest).size();
    length = rest + std::to_string(length).size();
    return fmt::format("{} {}={}\n", length, key, value);
}

PaxRecords pax_records(const TarEntry& entry, const std::string& name) {
    PaxRecords records;
    if (!split_name(name)) {
        records.emplace("path", name);
    }
    if (entry.link.size() > field::k_link.size || !is_ascii(entry.link)) {
        records.emplace("linkpath", entry.link);
    }
    const auto add_number = [&](const char* key, std::uint64_t value, Field field) {
        if (!fits_octal(value, field.size)) {
            records.emplace(key, std::to_string(value));
        }
    };
    add_number("uid", entry.uid, field::k_uid);
    add_number("gid", entry.gid, field::k_gid);
    add_number("size", entry.size_bytes, field::k_size);
    if (entry.mtime < 0
        || !fits_octal(static_cast<std::uint64_t>(entry.mtime), field::k_mtime.size)) {
        records.emplace("mtime", std::to_string(entry.mtime));
    }
    for (const auto& [key, value] : entry.xattrs) {
        records.emplace(render_xattr_key(key), value);
    }
    return records;
}

/// "dir/PaxHeaders.0/file", as GNU tar and Go name it: whoever doesn't know pax extracts a file of
/// that name.
std::string pax_header_name(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    const bool top = slash == std::string_view::npos;
    const std::string_view directory = top ? "" : path.substr(0, slash + 1);
    const std::string_view name = top ? path : path.substr(slash + 1);
    return fmt::format("{}PaxHeaders.0/{}", directory, name);
}

void append(Bytes& bytes, ByteSpan more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

void append_pax_header(Bytes& bytes, const TarEntry& entry, const PaxRecords& records) {
    std::string text;
    for (const auto& [key, value] : records) {
        text += pax_record(key, value);
    }
    std::array<std::byte, k_block_bytes> storage{};
    const MutableByteSpan block(storage);
    put_text(field::k_name.in(block), pax_header_name(entry.path));
    for (const Field each : {field::k_mode, field::k_uid, field::k_gid, field::k_mtime}) {
        put_octal(each.in(block), 0);
    }
    put_octal(field::k_size.in(block), text.size());
    put_text(field::k_type.in(block), "x");
    std::memcpy(&block[field::k_magic.offset], k_ustar_magic.data(), k_ustar_magic.size());
    put_octal(field::k_device_major.in(block), 0);
    put_octal(field::k_device_minor.in(block), 0);
    seal_checksum(block);
    append(bytes, block);
    append(bytes, as_bytes(text));
    append(bytes, ByteSpan(k_zeros).first(padding_after(text.size())));
}

}  // namespace

Bytes render_header(const TarEntry& entry) {
    std::string name = entry.path.empty() ? "." : entry.path;
    if (entry.type == EntryType::directory) {
        name += '/';
    }
    Bytes bytes;
    const PaxRecords records = pax_records(entry, name);
    if (!records.empty()) {
        append_pax_header(bytes, entry, records);
    }

    std::array<std::byte, k_block_bytes> storage{};
    const MutableByteSpan block(storage);
    const auto split = split_name(name);
    put_text(field::k_name.in(block), split ? split->name : name);
    put_text(field::k_prefix.in(block), split ? split->prefix : "");
    put_octal(field::k_mode.in(block), entry.mode & 07777U);
    put_octal(field::k_uid.in(block), entry.uid);
    put_octal(field::k_gid.in(block), entry.gid);
    put_octal(field::k_size.in(block), entry.size_bytes);
    const auto mtime = std::max<UnixSeconds>(entry.mtime, 0);
    put_octal(field::k_mtime.in(block), static_cast<std::uint64_t>(mtime));
    block[field::k_type.offset] = static_cast<std::byte>(type_flag(entry.type));
    put_text(field::k_link.in(block), entry.link);
    std::memcpy(&block[field::k_magic.offset], k_ustar_magic.data(), k_ustar_magic.size());
    // pax has no record for device numbers; beyond 2097151 GNU's way is the one that is read.
    render_number(field::k_device_major.in(block), entry.device_major);
    render_number(field::k_device_minor.in(block), entry.device_minor);
    seal_checksum(block);
    append(bytes, block);
    return bytes;
}

Result<void> TarWriter::append(const TarEntry& entry) {
    TRY(pad());
    content_left_ = entry.size_bytes;
    padding_ = padding_after(entry.size_bytes);
    return out_.write(render_header(entry));
}

Result<void> TarWriter::write(ByteSpan content) {
    if (content.size() > content_left_) {
        return fail(Code::internal, "a tar entry gets more content than its header says");
    }
    content_left_ -= content.size();
    return out_.write(content);
}

Result<void> TarWriter::finish() {
    TRY(pad());
    return out_.write(k_zeros);
}

Result<void> TarWriter::pad() {
    if (content_left_ > 0) {
        return fail(Code::internal, "a tar entry lacks {} bytes of its content", content_left_);
    }
    const std::size_t padding = std::exchange(padding_, 0);
    return padding == 0 ? Result<void>{} : out_.write(ByteSpan(k_zeros).first(padding));
}

}  // namespace kiln::tar
