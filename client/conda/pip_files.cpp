#include "client/conda/pip_files.hpp"

#include "client/conda/channel_files.hpp"
#include "store/base/file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace kiln::client {
namespace {

constexpr std::size_t k_requirements_bytes = 1UL << 20U;  // the daemon reads no longer ones
constexpr std::array<std::string_view, 6> k_endings = {
    ".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz"};

bool is_distribution(std::string_view name) {
    return std::any_of(k_endings.begin(), k_endings.end(), [&](std::string_view ending) {
        return name.ends_with(ending);
    });
}

/// Whether the path stands in the text as a word: not as a part of a longer one.
bool has_path_word(std::string_view text, std::string_view spelling) {
    constexpr std::string_view k_ends = " \t\r\n\"',]}#:;[";
    constexpr std::string_view k_starts = " \t\r\n\"',[{=:rfc";  // "-rFILE", "--find-links=DIR"
    for (auto at = text.find(spelling); at != std::string_view::npos;
         at = text.find(spelling, at + 1)) {
        const std::size_t end = at + spelling.size();
        const bool starts = at == 0 || k_starts.find(text[at - 1]) != std::string_view::npos;
        if (starts && (end == text.size() || k_ends.find(text[end]) != std::string_view::npos)) {
            return true;
        }
    }
    return false;
}

std::string up_to_slash(std::string_view path) {
    return std::string(path.substr(0, path.rfind('/') + 1));
}

}  // namespace

PipFiles::PipFiles(const std::string& input, std::string text)
    : directory_(up_to_slash(input)) {
    texts_.emplace("", std::move(text));
}

bool PipFiles::is_named(const std::string& asked) const {
    return std::any_of(texts_.begin(), texts_.end(), [&](const auto& known) {
        const auto& [directory, text] = known;
        return has_path_word(text, asked)
               || (asked.starts_with(directory)
                   && has_path_word(text, asked.substr(directory.size())));
    });
}

Result<PipFiles::Found> PipFiles::find(const std::string& asked) {
    if (asked.empty() || !is_named(asked)) {
        return fail(Code::permission, "kilnd asks for {}, which the pip part does not name", asked);
    }
    std::string path = path_of(asked);
    if (!path.starts_with('/')) {
        path.insert(0, directory_);
    }
    Found found;
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) {
        return found;
    }
    TRY_ASSIGN(std::string url, url_of_path(path));
    found.path = wire::PipPath{.url = url, .directory = std::filesystem::is_directory(status)};
    if (!found.path->directory) {
        const std::string name = path.substr(path.rfind('/') + 1);
        found.files.push_back({.as_written = name, .path = path});
        urls_.emplace(url, path);
        if (!is_distribution(name)) {
            TRY_ASSIGN(std::string text, read_file_at(AT_FDCWD, path, k_requirements_bytes));
            texts_[up_to_slash(asked)] += "\n" + std::move(text);
        }
        return found;
    }
    for (const auto& each : std::filesystem::directory_iterator(path, error)) {
        const std::string name = each.path().filename().string();
        if (is_distribution(name) && each.is_regular_file(error)) {
            found.files.push_back({.as_written = name, .path = each.path().string()});
            urls_.emplace(url + "/" + name, each.path().string());
        }
    }
    if (error) {
        return fail(errno_error(error.value(), path));
    }
    return found;
}

Result<std::vector<LockFileEntry>> wanted_after_locking(
    const std::vector<std::string>& entries,
    const std::map<std::string, std::string>& pip_files,
    const std::vector<std::string>& channels,
    std::string_view specification
) {
    std::vector<LockFileEntry> files;
    std::vector<std::string> packages;
    for (const std::string& entry : entries) {
        const auto known = pip_files.find(entry);
        if (known == pip_files.end()) {
            packages.push_back(entry);
        } else {
            files.push_back({.as_written = entry, .path = known->second});
        }
    }
    TRY_ASSIGN(const auto rest, wanted_packages(packages, channels, specification));
    files.insert(files.end(), rest.begin(), rest.end());
    return files;
}

}  // namespace kiln::client
