#include "layers/tar/pax.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace kiln::tar {
namespace {

constexpr std::string_view k_schily_xattr = "SCHILY.xattr.";
constexpr std::string_view k_libarchive_xattr = "LIBARCHIVE.xattr.";
/// Linux: XATTR_SIZE_MAX and XATTR_NAME_MAX.
constexpr std::size_t k_xattr_value_bytes = 65536;
constexpr std::size_t k_xattr_name_bytes = 255;

struct Record {
    std::string_view key;
    std::string_view value;
};

/// Takes the first record off the text.
Result<Record> take_record(std::string_view& text) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || length > text.size() || digits + 2 >= length || *end != ' '
        || text[length - 1] != '\n') {
        return fail(Code::corrupt, "a pax header holds a malformed record");
    }
    const std::string_view body = text.substr(digits + 1, length - digits - 2);
    text.remove_prefix(length);
    const std::size_t equals = body.find('=');
    if (equals == std::string_view::npos || equals == 0
        || body.substr(0, equals).find('\0') != std::string_view::npos) {
        return fail(Code::corrupt, "a pax header holds a record without a key");
    }
    return Record{.key = body.substr(0, equals), .value = body.substr(equals + 1)};
}

Result<std::optional<std::uint64_t>> parse_count(const Record& record) {
    if (record.value.empty()) {
        return std::optional<std::uint64_t>{};
    }
    std::uint64_t value = 0;
    const char* const end = record.value.data() + record.value.size();
    const auto [stop, error] = std::from_chars(record.value.data(), end, value);
    if (error != std::errc{} || stop != end || value > INT64_MAX) {
        return fail(Code::corrupt, "the pax record {} is not a number", record.key);
    }
    return std::optional(value);
}

/// Seconds with a fraction; rounded down, as the kernel's whole seconds are.
Result<std::optional<UnixSeconds>> parse_time_record(const Record& record) {
    if (record.value.empty()) {
        return std::optional<UnixSeconds>{};
    }
    UnixSeconds seconds = 0;
    const char* const end = record.value.data() + record.value.size();
    const auto [stop, error] = std::from_chars(record.value.data(), end, seconds);
    if (error != std::errc{} || (stop != end && *stop != '.')) {
        return fail(Code::corrupt, "the pax record {} is not a time", record.key);
    }
    const std::string_view fraction(stop == end ? end : stop + 1, end);
    if (fraction.find_first_not_of("0123456789") != std::string_view::npos) {
        return fail(Code::corrupt, "the pax record {} is not a time", record.key);
    }
    const bool negative = record.value.front() == '-';
    const bool whole = fraction.find_first_not_of('0') == std::string_view::npos;
    if (negative && !whole && seconds > INT64_MIN) {
        --seconds;
    }
    return std::optional(seconds);
}

Result<std::optional<std::string>> parse_name(const Record& record) {
    if (record.value.find('\0') != std::string_view::npos) {
        return fail(Code::corrupt, "the pax record {} holds a NUL byte", record.key);
    }
    return record.value.empty() ? std::nullopt : std::optional(std::string(record.value));
}

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    const char lower = static_cast<char>(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high < 0 ? -1 : hex_value(text[i + 2]);
        if (low < 0) {
            decoded += text[i];
        } else {
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

/// Only what GNU tar escapes; others write every name as it is.
std::string unescaped_xattr_name(std::string_view text) {
    std::string name;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view three = text.substr(i, 3);
        if (three == "%3D" || three == "%25") {
            name += three == "%3D" ? '=' : '%';
            i += 2;
        } else {
            name += text[i];
        }
    }
    return name;
}

Result<std::string> base64_decoded(std::string_view text) {
    std::string decoded;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char each : text.substr(0, text.find('='))) {
        std::uint32_t value = 0;
        if (each >= 'A' && each <= 'Z') {
            value = static_cast<std::uint32_t>(each - 'A');
        } else if (each >= 'a' && each <= 'z') {
            value = static_cast<std::uint32_t>(each - 'a') + 26;
        } else if (each >= '0' && each <= '9') {
            value = static_cast<std::uint32_t>(each - '0') + 52;
        } else if (each == '+' || each == '/') {
            value = each == '+' ? 62 : 63;
        } else {
            return fail(Code::corrupt, "an attribute in a pax header is not base64");
        }
        bits = (bits << 6U) | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            decoded += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
        }
    }
    return decoded;
}

Result<void> take_xattr(PaxHeader& header, std::string name, std::string value, bool replace) {
    if (name.empty() || name.find('\0') != std::string::npos) {
        return fail(Code::corrupt, "a pax header names an attribute with a NUL byte or no name");
    }
    if (name.size() > k_xattr_name_bytes || value.size() > k_xattr_value_bytes) {
        return fail(
            Code::too_large,
            "an attribute has a name of {} and a value of {} bytes",
            name.size(),
            value.size()
        );
    }
    if (!is_kept_xattr(name)) {
        return {};
    }
    if (replace) {
        header.xattrs.insert_or_assign(std::move(name), std::move(value));
    } else {
        header.xattrs.emplace(std::move(name), std::move(value));
    }
    return {};
}

Result<void> take_sparse(PaxHeader& header, const Record& record, std::string_view key) {
    if (!header.sparse) {
        header.sparse.emplace();
    }
    PaxSparse& sparse = *header.sparse;
    if (key == "name") {
        TRY_ASSIGN(sparse.path, parse_name(record));
        return {};
    }
    if (key == "map") {
        for (std::string_view rest = record.value; !rest.empty();) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            const Record number{.key = record.key, .value = rest.substr(0, comma)};
            TRY_ASSIGN(const auto value, parse_count(number));
            sparse.map.push_back(value.value_or(0));
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
        return {};
    }
    TRY_ASSIGN(const auto value, parse_count(record));
    if (key == "major") {
        sparse.major = value.value_or(0);
    } else if (key == "size" || key == "realsize") {
        sparse.size_bytes = value;
    } else if (key == "offset" || key == "numbytes") {
        // 0.0 repeats the two records in turn.
        if ((sparse.map.size() % 2 == 0) != (key == "offset")) {
            return fail(Code::corrupt, "the sparse map of a pax header is out of order");
        }
        sparse.map.push_back(value.value_or(0));
    }
    return {};
}

Result<void> take(PaxHeader& header, const Record& record) {
    constexpr std::string_view k_sparse = "GNU.sparse.";
    if (record.key == "path") {
        TRY_ASSIGN(header.path, parse_name(record));
    } else if (record.key == "linkpath") {
        TRY_ASSIGN(header.link, parse_name(record));
    } else if (record.key == "size") {
        TRY_ASSIGN(header.size_bytes, parse_count(record));
    } else if (record.key == "uid") {
        TRY_ASSIGN(header.uid, parse_count(record));
    } else if (record.key == "gid") {
        TRY_ASSIGN(header.gid, parse_count(record));
    } else if (record.key == "mtime") {
        TRY_ASSIGN(header.mtime, parse_time_record(record));
    } else if (record.key == "SCHILY.filetype") {
        header.is_socket = record.value == "socket";
    } else if (record.key.starts_with(k_schily_xattr)) {
        const std::string_view name = record.key.substr(k_schily_xattr.size());
        TRY(take_xattr(header, unescaped_xattr_name(name), std::string(record.value), true));
    } else if (record.key.starts_with(k_libarchive_xattr)) {
        const std::string_view name = record.key.substr(k_libarchive_xattr.size());
        TRY_ASSIGN(std::string value, base64_decoded(record.value));
        TRY(take_xattr(header, percent_decoded(name), std::move(value), false));
    } else if (record.key.starts_with(k_sparse)) {
        TRY(take_sparse(header, record, record.key.substr(k_sparse.size())));
    }
    return {};
}

}  // namespace

Result<PaxHeader> parse_pax(std::string_view text) {
    PaxHeader header;
    while (!text.empty()) {
        TRY_ASSIGN(const Record record, take_record(text));
        TRY(take(header, record));
    }
    return header;
}

bool is_kept_xattr(std::string_view name) {
    return name == "security.capability"
           || (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

std::string render_xattr_key(std::string_view name) {
    std::string key(k_schily_xattr);
    for (const char each : name) {
        if (each == '=' || each == '%') {
            key += each == '=' ? "%3D" : "%25";
        } else {
            key += each;
        }
    }
    return key;
}

}  // namespace kiln::tar
