#include "layers/conda/manifest.hpp"

#include "layers/conda/package_reader.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/json.hpp"
#include "store/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace kiln::conda {

namespace {

struct OldPrefix {
    std::string placeholder;
    FileMode mode = FileMode::text;
};

Result<std::string> package_path(std::string_view path);
Result<void> read_path(const json::Value& value, std::vector<ManifestPath>& paths);
Result<void> check_utf8(std::string_view name, std::string_view text);
std::vector<std::string_view> old_lines(std::string_view text);
Result<std::map<std::string, OldPrefix>> read_has_prefix(std::string_view text);
Result<std::vector<ManifestPath>> in_order(std::vector<ManifestPath> paths);

}  // namespace

Result<std::vector<ManifestPath>> read_paths_json(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text, "info/paths.json"));
    json::ObjectReader in(value, "info/paths.json");
    const std::uint64_t version = in.number_or("paths_version", 1);
    if (version != 1) {
        in.refuse(
            {.code = Code::corrupt,
             .message = fmt::format("info/paths.json is of version {}; 1 is known", version)}
        );
    }
    std::vector<ManifestPath> paths;
    in.each("paths", [&](const json::Value& each) { return read_path(each, paths); });
    TRY(in.finish(json::UnknownFields::ignore));
    return in_order(std::move(paths));
}

Result<std::vector<ManifestPath>> read_old_manifest(
    std::string_view files, std::string_view has_prefix, std::string_view no_link
) {
    TRY(check_utf8("info/files", files));
    TRY(check_utf8("info/has_prefix", has_prefix));
    TRY(check_utf8("info/no_link", no_link));
    TRY_ASSIGN(const auto prefixes, read_has_prefix(has_prefix));
    std::set<std::string, std::less<>> unlinked;
    for (const std::string_view line : old_lines(no_link)) {
        TRY_ASSIGN(std::string path, package_path(line));
        unlinked.insert(std::move(path));
    }
    std::vector<ManifestPath> paths;
    for (const std::string_view line : old_lines(files)) {
        TRY_ASSIGN(std::string path, package_path(line));
        if (path == "info" || path.starts_with("info/")) {
            continue;
        }
        ManifestPath entry;
        entry.path = std::move(path);
        entry.no_link = unlinked.contains(entry.path);
        if (const auto prefix = prefixes.find(entry.path); prefix != prefixes.end()) {
            entry.placeholder = prefix->second.placeholder;
            entry.mode = prefix->second.mode;
        }
        paths.push_back(std::move(entry));
        if (paths.size() > k_package_entries) {
            return fail(Code::too_large, "info/files names more than {} paths", k_package_entries);
        }
    }
    return in_order(std::move(paths));
}

namespace {

/// A path of the manifest in the form of TarEntry::path.
Result<std::string> package_path(std::string_view path) {
    if (path.starts_with('/')) {
        return fail(Code::corrupt, "the path {} is absolute", path);
    }
    TRY_ASSIGN(std::string clean, tar::clean_path(path));
    if (clean.empty()) {
        return fail(Code::corrupt, "the manifest holds an empty path");
    }
    return clean;
}

Result<void> read_path(const json::Value& value, std::vector<ManifestPath>& paths) {
    if (paths.size() == k_package_entries) {
        return fail(Code::too_large, "info/paths.json names more than {} paths", k_package_entries);
    }
    json::ObjectReader in(value, "a path in info/paths.json");
    ManifestPath path;
    const std::string written = in.text("_path");
    const std::string type = in.text_or("path_type", "hardlink");
    path.sha256 = in.text_or("sha256", "");
    if (const auto size = in.optional_integer("size_in_bytes"); size && *size >= 0) {
        path.size_bytes = static_cast<std::uint64_t>(*size);
    }
    path.placeholder = in.text_or("prefix_placeholder", "");
    const std::string mode = in.text_or("file_mode", "text");
    path.no_link = in.boolean_or("no_link", false);
    TRY(in.finish(json::UnknownFields::ignore));
    TRY_ASSIGN(path.path, package_path(written));
    if (type == "softlink") {
        path.type = PathType::symlink;
    } else if (type == "directory") {
        path.type = PathType::directory;
        path.placeholder.clear();
    } else if (type != "hardlink") {
        return fail(Code::corrupt, "{} has the unknown path_type {}", written, type);
    }
    if (mode != "text" && mode != "binary") {
        return fail(Code::corrupt, "{} has the unknown file_mode {}", written, mode);
    }
    path.mode = mode == "binary" ? FileMode::binary : FileMode::text;
    paths.push_back(std::move(path));
    return {};
}

/// Lines without what ends them; empty ones are left out.
std::vector<std::string_view> old_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (!line.empty()) {
            lines.push_back(line);
        }
    }
    return lines;
}

/// Words of a has_prefix line; each may be in double quotes, which is how paths with spaces come.
std::vector<std::string> quoted_words(std::string_view line) {
    std::vector<std::string> words;
    while (true) {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty()) {
            return words;
        }
        const bool quoted = line.front() == '"' && line.find('"', 1) != std::string_view::npos;
        const std::size_t begin = quoted ? 1 : 0;
        const std::size_t end =
            std::min(quoted ? line.find('"', 1) : line.find_first_of(" \t"), line.size());
        words.emplace_back(line.substr(begin, end - begin));
        line.remove_prefix(std::min(quoted ? end + 1 : end, line.size()));
    }
}

/// What it names comes again in conda-meta, which is JSON.
Result<void> check_utf8(std::string_view name, std::string_view text) {
    if (!is_utf8(text)) {
        return fail(Code::corrupt, "{} is not UTF-8", name);
    }
    return {};
}

/// conda-build's first placeholder. In one piece it would be rewritten in our own program, should
/// that ever come in a conda package.
std::string first_placeholder() {
    std::string text = "/opt/";
    for (const char digit : {'1', '2', '3'}) {
        text += "anaconda";
        text += digit;
    }
    return text;
}

Result<std::map<std::string, OldPrefix>> read_has_prefix(std::string_view text) {
    std::map<std::string, OldPrefix> prefixes;
    for (const std::string_view line : old_lines(text)) {
        const std::vector<std::string> words = quoted_words(line);
        if (words.size() == 1) {
            TRY_ASSIGN(std::string path, package_path(words[0]));
            prefixes[std::move(path)] = {.placeholder = first_placeholder()};
            continue;
        }
        if (words.size() != 3 || (words[1] != "text" && words[1] != "binary") || words[0].empty()) {
            return fail(Code::corrupt, "info/has_prefix holds the unknown line \"{}\"", line);
        }
        TRY_ASSIGN(std::string path, package_path(words[2]));
        prefixes[std::move(path)] = {
            .placeholder = words[0],
            .mode = words[1] == "binary" ? FileMode::binary : FileMode::text};
    }
    return prefixes;
}

Result<std::vector<ManifestPath>> in_order(std::vector<ManifestPath> paths) {
    const auto before = [](const ManifestPath& a, const ManifestPath& b) {
        return tar::path_less(a.path, b.path);
    };
    std::stable_sort(paths.begin(), paths.end(), before);
    const auto same = [](const ManifestPath& a, const ManifestPath& b) { return a.path == b.path; };
    paths.erase(std::unique(paths.begin(), paths.end(), same), paths.end());
    return paths;
}

}  // namespace

}  // namespace kiln::conda
