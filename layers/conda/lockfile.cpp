#include "layers/conda/lockfile.hpp"

#include "store/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace kiln::conda {

namespace {

/// cep-23's form of a file name has no '#'; the rest would be another path once decoded.
constexpr std::string_view k_not_in_names{"#/\\\0", 4};

/// One line of the lock, without the blanks around it.
struct Line {
    std::string_view text;
    std::uint32_t number = 0;
    std::uint32_t column = 1;
};

Span span_of(const Line& line, const std::string& file);
Result<void> check_text(std::string_view text, const std::string& file);
std::vector<Line> split_lines(std::string_view text);
Error not_explicit(const std::vector<Line>& lines, const std::string& file);
Result<LockEntry> parse_entry(std::string_view line);
Result<void> parse_place(LockEntry& entry);
Result<void> parse_anchor(std::string_view anchor, LockEntry& entry);
Result<void> parse_location(LockEntry& entry);
std::optional<std::string_view> platform_of(std::string_view comment);
std::string_view scheme_of(std::string_view location);
std::optional<std::string> decode_percent(std::string_view text);

}  // namespace

Result<Lock> parse_lock(std::string_view text, const std::string& file) {
    TRY(check_text(text, file));
    const std::vector<Line> lines = split_lines(text);
    if (std::none_of(lines.begin(), lines.end(), [](const Line& line) {
            return line.text == "@EXPLICIT";
        })) {
        return fail(not_explicit(lines, file));
    }
    Lock lock;
    std::map<std::string, std::uint32_t> seen;
    for (const Line& line : lines) {
        if (line.text.empty() || line.text == "@EXPLICIT") {
            continue;
        }
        if (line.text.front() == '#') {
            if (const auto platform = platform_of(line.text); platform && !lock.platform) {
                lock.platform = std::string(*platform);
            }
            continue;
        }
        if (line.text.size() > k_lock_line_bytes) {
            return fail(Error{
                .code = Code::too_large,
                .message = fmt::format(
                    "a line of {} bytes; at most {} are read", line.text.size(), k_lock_line_bytes
                ),
                .where = span_of(line, file)});
        }
        Result<LockEntry> entry = parse_entry(line.text);
        if (!entry) {
            return fail(std::move(entry).error().with_where(span_of(line, file)));
        }
        entry->span = span_of(line, file);
        const auto [first, fresh] = seen.try_emplace(entry->file_name, line.number);
        if (!fresh) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format(
                    "{} is named twice; first in line {}", entry->file_name, first->second
                ),
                .where = span_of(line, file)});
        }
        lock.entries.push_back(std::move(*entry));
        if (lock.entries.size() > k_lock_entries) {
            return fail(Code::too_large, "{} names more than {} packages", file, k_lock_entries);
        }
    }
    return lock;
}

std::string render(const Lock& lock) {
    std::string text;
    if (lock.platform) {
        text += "# platform: " + *lock.platform + "\n";
    }
    text += "@EXPLICIT\n";
    for (const LockEntry& entry : lock.entries) {
        text += entry.as_written;
        if (entry.sha256) {
            text += "#sha256:" + *entry.sha256;
        } else if (entry.md5) {
            text += "#" + *entry.md5;
        }
        text += '\n';
    }
    return text;
}

std::optional<std::string_view> dist_of(std::string_view file_name) {
    for (const std::string_view ending : {".conda", ".tar.bz2"}) {
        if (file_name.size() > ending.size() && file_name.ends_with(ending)) {
            return file_name.substr(0, file_name.size() - ending.size());
        }
    }
    return std::nullopt;
}

std::optional<DistParts> parse_dist(std::string_view dist) {
    const std::size_t build = dist.rfind('-');
    if (build == std::string_view::npos || build == 0) {
        return std::nullopt;
    }
    const std::size_t version = dist.rfind('-', build - 1);
    if (version == std::string_view::npos) {
        return std::nullopt;
    }
    const DistParts parts{
        .name = dist.substr(0, version),
        .version = dist.substr(version + 1, build - version - 1),
        .build = dist.substr(build + 1)};
    const bool whole = !parts.name.empty() && !parts.version.empty() && !parts.build.empty();
    return whole ? std::optional(parts) : std::nullopt;
}

Result<LockEntry> parse_lock_location(std::string_view written) {
    LockEntry entry;
    entry.as_written = std::string(written);
    TRY(parse_place(entry));
    return entry;
}

std::string without_credentials(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) {
        return std::string(url);
    }
    const std::size_t host = scheme_end + 3;
    const std::size_t path = std::min(url.find('/', host), url.size());
    std::string_view authority = url.substr(host, path - host);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        authority.remove_prefix(at + 1);
    }
    std::string_view rest = url.substr(path);
    // anaconda.org and its mirrors: https://HOST/t/TOKEN/channel/…, sometimes below a path.
    std::string kept;
    while (!rest.empty()) {
        const std::size_t next = std::min(rest.find('/', 1), rest.size());
        const std::string_view part = rest.substr(0, next);
        rest.remove_prefix(next);
        if (part == "/t" && !rest.empty()) {
            rest.remove_prefix(std::min(rest.find('/', 1), rest.size()));
            continue;
        }
        kept += part;
    }
    return fmt::format("{}{}{}", url.substr(0, host), authority, kept);
}

namespace {

Span span_of(const Line& line, const std::string& file) {
    return {
        .file = file,
        .line = line.number,
        .column = line.column,
        .end_column = line.column + static_cast<std::uint32_t>(line.text.size())};
}

Result<void> check_text(std::string_view text, const std::string& file) {
    if (text.size() > k_lock_bytes) {
        return fail(
            Code::too_large, "{} has {} bytes; at most {} are read", file, text.size(), k_lock_bytes
        );
    }
    if (text.find('\0') != std::string_view::npos) {
        return fail(Code::invalid_input, "{} is not a text", file);
    }
    return {};
}

std::vector<Line> split_lines(std::string_view text) {
    std::vector<Line> lines;
    std::uint32_t number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        const std::size_t first = std::min(line.find_first_not_of(k_blanks), line.size());
        lines.push_back(
            {.text = trim(line), .number = number, .column = static_cast<std::uint32_t>(first + 1)}
        );
    }
    return lines;
}

/// What the user probably gave instead, told by the first lines of the usual suspects.
Error not_explicit(const std::vector<Line>& lines, const std::string& file) {
    Error error{
        .code = Code::invalid_input,
        .message = fmt::format("{} is not a lock file: it has no line @EXPLICIT", file)};
    for (const Line& line : lines) {
        if (line.text.empty() || line.text.front() == '#') {
            continue;
        }
        const auto starts = [&](std::string_view with) { return line.text.starts_with(with); };
        if (starts("{") || starts("[")) {
            return std::move(error).with_hint("it looks like JSON");
        }
        if (starts("dependencies:") || starts("channels:") || starts("name:")) {
            return std::move(error).with_hint("it looks like an environment.yml, to be resolved");
        }
        if (starts("version:") || starts("metadata:") || starts("package:")) {
            return std::move(error).with_hint("it looks like a conda-lock.yml or pixi.lock");
        }
        if (dist_of(line.text.substr(0, line.text.find('#')))) {
            return std::move(error).with_hint("write @EXPLICIT on a line before the packages");
        }
        return std::move(error).with_hint(
            "a list of specifications must be resolved first; a lock names one package file a line"
        );
    }
    return std::move(error).with_hint("it is empty");
}

Result<LockEntry> parse_entry(std::string_view line) {
    LockEntry entry;
    const std::size_t anchor = line.rfind('#');
    entry.as_written = std::string(trim(line.substr(0, anchor)));
    if (anchor != std::string_view::npos) {
        TRY(parse_anchor(line.substr(anchor + 1), entry));
    }
    TRY(parse_place(entry));
    return entry;
}

Result<void> parse_place(LockEntry& entry) {
    const std::string_view location = entry.as_written;
    const std::size_t slash = location.find_last_of('/');
    const std::string_view last =
        slash == std::string_view::npos ? location : location.substr(slash + 1);
    const std::optional<std::string> name =
        scheme_of(location).empty() ? std::string(last) : decode_percent(last);
    if (!name || !dist_of(*name) || name->find_first_of(k_not_in_names) != std::string::npos) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} is not a conda package (.conda or .tar.bz2)", without_credentials(location)
            ),
            .hint = location.find_first_of("=<>") != std::string_view::npos
                        ? "an @EXPLICIT file holds URLs or paths, not specifications"
                        : ""});
    }
    entry.file_name = *name;
    return parse_location(entry);
}

Result<void> parse_anchor(std::string_view anchor, LockEntry& entry) {
    std::string_view hex = anchor;
    const bool named = hex.starts_with("sha256:");
    if (named) {
        hex.remove_prefix(7);
    }
    const bool digits = hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (digits && hex.size() == 64) {
        entry.sha256 = std::string(hex);
        return {};
    }
    if (digits && hex.size() == 32 && !named) {
        entry.md5 = std::string(hex);
        return {};
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format("#{} is neither a sha256 nor an md5", anchor),
        .hint = "cep-23: 64 or 32 lower-case hex digits, the 64 perhaps after sha256:"});
}

Result<void> parse_location(LockEntry& entry) {
    const std::string_view written = entry.as_written;
    const std::string_view scheme = scheme_of(written);
    if (scheme.empty()) {
        entry.kind = LockEntryKind::file;
        entry.location = entry.as_written;
        return {};
    }
    const std::string_view rest = written.substr(scheme.size() + 3);
    if (scheme == "http" || scheme == "https" || scheme == "oci") {
        const std::string_view host = rest.substr(0, rest.find('/'));
        if (host.empty() || host.find_first_of(" \t") != std::string_view::npos) {
            return fail(Code::invalid_input, "{} names no host", without_credentials(written));
        }
        entry.kind = LockEntryKind::url;
        entry.location = entry.as_written;
        return {};
    }
    if (scheme != "file") {
        return fail(
            Code::unsupported, "{}:// is not supported; file, http, https and oci are", scheme
        );
    }
    const std::string_view path = rest.starts_with("localhost/") ? rest.substr(9) : rest;
    const std::optional<std::string> decoded = decode_percent(path);
    if (!decoded || !decoded->starts_with('/') || decoded->find('\0') != std::string::npos) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is not a file of this machine", written),
            .hint = "file:// is followed by an absolute path"});
    }
    entry.kind = LockEntryKind::file;
    entry.location = *decoded;
    return {};
}

/// "https" of "https://…"; empty for paths.
std::string_view scheme_of(std::string_view location) {
    const std::size_t colon = location.find("://");
    return colon == std::string_view::npos || location.find('/') < colon
               ? std::string_view{}
               : location.substr(0, colon);
}

std::optional<std::string_view> platform_of(std::string_view comment) {
    constexpr std::string_view k_platform = "platform:";
    comment.remove_prefix(std::min(comment.find_first_not_of("# \t"), comment.size()));
    if (!comment.starts_with(k_platform)) {
        return std::nullopt;
    }
    comment = trim(comment.substr(k_platform.size()));
    comment = comment.substr(0, comment.find_first_of(k_blanks));
    return comment.empty() ? std::nullopt : std::optional(comment);
}

int hex_digit(char letter) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    const char lower = letter >= 'A' && letter <= 'F' ? static_cast<char>(letter + 32) : letter;
    const std::size_t at = k_digits.find(lower);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::optional<std::string> decode_percent(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) {
            return std::nullopt;
        }
        decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
        i += 2;
    }
    return decoded;
}

}  // namespace

}  // namespace kiln::conda
