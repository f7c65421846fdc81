#include "client/conda/channel_files.hpp"

#include "store/base/file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace kiln::client {
namespace {

bool is_path(std::string_view written) {
    return written.starts_with('/') || written.starts_with("./") || written.starts_with("../")
           || written == "." || written == "..";
}

/// What of a path cannot stand in a URL (RFC 3986, section 3.3).
std::string percent_encoded(std::string_view path) {
    // Without '$', which begins a variable.
    constexpr std::string_view k_plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@!&'()*+,;=";
    std::string encoded;
    for (const char c : path) {
        if (k_plain.find(c) != std::string_view::npos) {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

/// Whether `spelling` stands in the text as a word: not as the beginning of a longer path.
bool has_word(std::string_view text, std::string_view spelling) {
    constexpr std::string_view k_ends = " \t\r\n\"',]}#:";
    for (auto at = text.find(spelling); at != std::string_view::npos;
         at = text.find(spelling, at + 1)) {
        const std::size_t end = at + spelling.size();
        if (end == text.size() || k_ends.find(text[end]) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

/// Whether a relative path to that directory stands in the text ("./channel", seen from here).
bool has_path_to(std::string_view text, const std::string& url) {
    constexpr std::string_view k_around = " \t\r\n\"'[,]}#";
    for (std::size_t at = text.find("./"); at != std::string_view::npos; at = text.find("./", at)) {
        const std::size_t before = text.find_last_of(k_around, at);
        const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
        const std::size_t end = std::min(text.find_first_of(k_around, at), text.size());
        const std::string_view word = text.substr(begin, end - begin);
        const auto named = is_path(word) ? url_of_path(word) : Result<std::string>();
        if (named && *named == url) {
            return true;
        }
        at = end;
    }
    return false;
}

/// Whether the user named the channel that the subdir belongs to, as a URL or as a directory.
bool is_named(
    const std::string& subdir, const std::vector<std::string>& named, std::string_view text
) {
    const std::string channel = subdir.substr(0, subdir.rfind('/'));
    if (path_of(channel).size() <= 1) {
        return false;
    }
    for (const std::string& url : {channel, channel + "/", subdir}) {
        for (const std::string& spelling : {url, path_of(url)}) {
            const auto has = [&](std::string_view in) { return has_word(in, spelling); };
            if (has(text) || std::any_of(named.begin(), named.end(), has)) {
                return true;
            }
        }
    }
    return has_path_to(text, channel);
}

}  // namespace

Result<std::string> channel_url(std::string_view written) {
    return is_path(written) ? url_of_path(written) : std::string(written);
}

Result<std::string> url_of_path(std::string_view written) {
    std::error_code error;
    const auto path = std::filesystem::absolute(written, error).lexically_normal();
    if (error) {
        return fail(errno_error(error.value(), std::string(written)));
    }
    std::string absolute = path.string();
    while (absolute.size() > 1 && absolute.ends_with('/')) {
        absolute.pop_back();
    }
    return "file://" + percent_encoded(absolute);
}

Result<std::map<std::string, std::optional<LockFileEntry>>> find_repodata(
    const std::vector<std::string>& subdirs,
    const std::vector<std::string>& names,
    const std::vector<std::string>& named,
    std::string_view text
) {
    std::map<std::string, std::optional<LockFileEntry>> found;
    for (const std::string& subdir : subdirs) {
        if (!subdir.starts_with("file://") || !is_named(subdir, named, text)) {
            return fail(
                Code::permission, "kilnd asks for {}, which is of no channel named here", subdir
            );
        }
        auto& entry = found[subdir];
        for (const std::string& name : names) {
            const std::string path = path_of(subdir) + "/" + name;

            struct stat facts {};

            if (name.find('/') == std::string::npos && ::stat(path.c_str(), &facts) == 0) {
                entry = LockFileEntry{.as_written = subdir + "/" + name, .path = path};
                break;
            }
        }
    }
    return found;
}

Result<std::vector<LockFileEntry>> wanted_shards(
    const std::vector<std::string>& entries,
    const std::vector<std::string>& named,
    std::string_view text
) {
    constexpr std::string_view k_scheme = "file://";
    std::vector<LockFileEntry> files;
    for (const std::string& entry : entries) {
        const bool shard = entry.starts_with(k_scheme) && entry.ends_with(".msgpack.zst")
                           && entry.find("/../") == std::string::npos;
        bool allowed = false;
        std::string above = shard ? entry.substr(0, entry.rfind('/')) : "";
        while (!allowed && above.size() > k_scheme.size()) {
            allowed = is_named(above, named, text);
            above.resize(above.rfind('/'));
        }
        if (!allowed) {
            return fail(
                Code::permission, "kilnd asks for {}, which is of no channel named here", entry
            );
        }
        files.push_back({.as_written = entry, .path = path_of(entry)});
    }
    return files;
}

Result<std::vector<LockFileEntry>> wanted_packages(
    const std::vector<std::string>& entries,
    const std::vector<std::string>& named,
    std::string_view text
) {
    std::vector<LockFileEntry> files;
    for (const std::string& entry : entries) {
        const bool package = (entry.ends_with(".conda") || entry.ends_with(".tar.bz2"))
                             && entry.find("/../") == std::string::npos;
        if (!package || !is_named(entry.substr(0, entry.rfind('/')), named, text)) {
            return fail(
                Code::permission, "kilnd asks for {}, which is of no channel named here", entry
            );
        }
        files.push_back({.as_written = entry, .path = path_of(entry)});
    }
    return files;
}

}  // namespace kiln::client
