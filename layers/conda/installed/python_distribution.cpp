#include "layers/conda/installed/python_distribution.hpp"

#include "layers/conda/installed/header_fields.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/conda/pip/distribution.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/base64.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace kiln::conda {

namespace {

constexpr std::size_t k_record_rows = 2'000'000;
constexpr std::size_t k_name_bytes = 1024;
constexpr std::size_t k_license_bytes = 256;
constexpr std::array<std::string_view, 2> k_ends{".dist-info", ".egg-info"};
constexpr std::string_view k_sha256 = "sha256=";

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

/// License-Expression, a License of one line, or what the classifiers say.
std::string license_of(const HeaderFields& fields) {
    const std::string_view expression = find_field(fields, "License-Expression");
    if (!expression.empty() && expression.size() <= k_license_bytes) {
        return std::string(first_line(expression));
    }
    const std::string_view license = find_field(fields, "License");
    const bool is_text = license.size() > k_license_bytes || first_line(license) != license;
    if (!license.empty() && !is_text && license != "UNKNOWN") {
        return std::string(license);
    }
    constexpr std::string_view k_classifier = "License :: ";
    for (const HeaderField& field : fields) {
        const std::string_view value = field.value;
        if (field.name == "Classifier" && value.starts_with(k_classifier)
            && value.size() <= k_license_bytes) {
            return std::string(first_line(value.substr(value.rfind(":: ") + 3)));
        }
    }
    return {};
}

/// "requests" of "requests[socks] (>=2) ; python_version >= '3'"; empty for what an extra needs.
std::string needed_name(std::string_view requirement) {
    const std::size_t marker = requirement.find(';');
    if (marker != std::string_view::npos
        && requirement.substr(marker).find("extra") != std::string_view::npos) {
        return {};
    }
    const std::string_view name = requirement.substr(0, requirement.find_first_of(" \t[(<>=!~;@"));
    return name.size() <= k_name_bytes ? normalized_distribution(name) : std::string();
}

/// Where a path of RECORD is in the prefix; nullopt: outside.
std::optional<std::string> path_in_prefix(
    std::string_view written, std::string_view site_packages, std::string_view prefix
) {
    std::string whole;
    if (written.starts_with('/')) {
        const std::string root =
            prefix.ends_with('/') ? std::string(prefix) : std::string(prefix) + '/';
        if (!written.starts_with(root)) {
            return std::nullopt;
        }
        whole = written.substr(root.size());
    } else {
        whole = std::string(site_packages) + '/' + std::string(written);
    }
    std::vector<std::string_view> parts;
    std::string_view rest = whole;
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (part == "..") {
            if (parts.empty()) {
                return std::nullopt;
            }
            parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    std::string path;
    for (const std::string_view part : parts) {
        path += path.empty() ? "" : "/";
        path += part;
    }
    return !path.empty() && tar::is_clean_path(path) ? std::optional(std::move(path))
                                                     : std::nullopt;
}

/// The fields of a line of CSV as python's csv module writes them.
std::vector<std::string> split_row(std::string_view line) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
            fields.back() += c;
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += c;
        }
    }
    return fields;
}

/// Hex of "sha256=" and base64 of the URL kind, without '='; empty for other hashes.
std::string sha256_of(std::string_view hash) {
    if (!hash.starts_with(k_sha256)) {
        return {};
    }
    std::string text(hash.substr(k_sha256.size()));
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    text.append((4 - text.size() % 4) % 4, '=');
    const auto bytes = parse_base64(text);
    return bytes && bytes->size() == Digest().raw().size() ? render_hex(*bytes) : std::string();
}

std::optional<std::uint64_t> size_of(std::string_view text) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole ? std::optional(size) : std::nullopt;
}

InstalledPath path_of(std::string path, const std::vector<std::string>& row) {
    InstalledPath installed{std::move(path), InstalledPathType::other, ""};
    if (row.size() > 1) {
        installed.sha256 = sha256_of(row[1]);
    }
    if (row.size() > 2) {
        installed.size_bytes = size_of(row[2]);
    }
    if (!installed.sha256.empty() || installed.size_bytes) {
        installed.type = InstalledPathType::file;
    } else if (installed.path.ends_with(".pyc")) {
        installed.type = InstalledPathType::compiled;
    }
    return installed;
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    return line;
}

void make_set(std::vector<std::string>& names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
}

/// A list of what lies where, a line each, which `split` makes fields of: path, hash and size.
template<class Split>
Result<std::vector<InstalledPath>> read_rows(
    std::string_view text,
    std::string_view list,
    std::string_view directory,
    std::string_view prefix,
    const Split& split
) {
    std::map<std::string, InstalledPath> found;
    std::size_t rows = 0;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (line.empty()) {
            continue;
        }
        if (++rows > k_record_rows) {
            return fail(Code::too_large, "{} names more than {} paths", list, k_record_rows);
        }
        const std::vector<std::string> row = split(line);
        if (auto path = path_in_prefix(row.front(), directory, prefix)) {
            InstalledPath installed = path_of(*path, row);
            found.insert_or_assign(std::move(*path), std::move(installed));
        }
    }
    std::vector<InstalledPath> paths;
    paths.reserve(found.size());
    for (auto& [path, installed] : found) {
        paths.push_back(std::move(installed));
    }
    std::sort(paths.begin(), paths.end(), [](const InstalledPath& a, const InstalledPath& b) {
        return tar::path_less(a.path, b.path);
    });
    return paths;
}

}  // namespace

std::optional<PythonMetadata> read_python_metadata(
    std::string_view text, std::string_view directory
) {
    // What follows the first empty line is the description.
    const HeaderFields fields = HeaderReader(text).next();
    std::string_view name = first_line(find_field(fields, "Name"));
    std::string_view version = first_line(find_field(fields, "Version"));
    std::string_view stem = directory;
    for (const std::string_view end : k_ends) {
        stem.remove_suffix(stem.ends_with(end) ? end.size() : 0);
    }
    const std::size_t dash = stem.find('-');
    if (name.empty()) {
        name = stem.substr(0, dash);
    }
    if (version.empty() && dash != std::string_view::npos) {
        const std::string_view rest = stem.substr(dash + 1);
        version = rest.substr(0, rest.find("-py"));
    }
    PythonMetadata metadata;
    if (name.size() > k_name_bytes || version.size() > k_name_bytes) {
        return std::nullopt;
    }
    metadata.name = normalized_distribution(name);
    metadata.version = version;
    if (metadata.name.empty() || metadata.version.empty()) {
        return std::nullopt;
    }
    metadata.license = license_of(fields);
    for (const HeaderField& field : fields) {
        if (field.name == "Requires-Dist") {
            std::string needed = needed_name(field.value);
            if (!needed.empty()) {
                metadata.depends.push_back(std::move(needed));
            }
        }
    }
    make_set(metadata.depends);
    return metadata;
}

Result<std::vector<InstalledPath>> read_python_record(
    std::string_view text, std::string_view site_packages, std::string_view prefix
) {
    return read_rows(text, "RECORD", site_packages, prefix, split_row);
}

Result<std::vector<InstalledPath>> read_installed_files(
    std::string_view text, std::string_view egg_info, std::string_view prefix
) {
    const auto whole_line = [](std::string_view line) {
        return std::vector<std::string>{std::string(line)};
    };
    return read_rows(text, "installed-files.txt", egg_info, prefix, whole_line);
}

std::vector<std::string> read_egg_requirements(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty() && !text.starts_with('[')) {
        std::string name = needed_name(take_line(text));
        if (!name.empty()) {
            names.push_back(std::move(name));
        }
    }
    make_set(names);
    return names;
}

DirectUrl read_direct_url(std::string_view text) {
    DirectUrl found;
    const auto value = json::parse(text, "direct_url.json");
    if (!value) {
        return found;
    }
    json::ObjectReader in(*value, "direct_url.json");
    const std::string url = in.text_or("url", "");
    if (url.starts_with("https://") || url.starts_with("http://")) {
        found.url = without_credentials(url);
    }
    const json::Value* const archive = in.find("archive_info");
    if (archive != nullptr && archive->if_object() != nullptr) {
        json::ObjectReader info(*archive, "archive_info");
        const std::string hash = info.text_or("hash", "");
        const std::string hex = hash.starts_with(k_sha256) ? hash.substr(k_sha256.size()) : "";
        found.sha256 = Digest::parse_hex(hex) ? hex : "";
    }
    return found;
}

}  // namespace kiln::conda
