#include "layers/conda/installed/record_paths.hpp"

#include "layers/tar/tar_entry.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace kiln::conda {

namespace {

constexpr std::size_t k_record_paths = 2'000'000;
constexpr std::string_view k_site_packages = "site-packages/";
constexpr std::string_view k_scripts = "python-scripts/";

/// Where a path of the package lies in the prefix, by what `files` names.
class Places {
  public:
    explicit Places(std::set<std::string, std::less<>> files)
        : files_(std::move(files)) {}

    [[nodiscard]] std::string of(std::string path) {
        if (files_.contains(path)) {
            return path;
        }
        if (path.starts_with(k_scripts)) {
            return moved(std::move(path), "bin/" + path.substr(k_scripts.size()));
        }
        if (path.starts_with(k_site_packages)) {
            if (above_site_packages_.empty()) {
                find_site_packages("/" + path);
            }
            return moved(std::move(path), above_site_packages_ + path);
        }
        return path;
    }

    [[nodiscard]] const std::set<std::string, std::less<>>& files() const { return files_; }

  private:
    [[nodiscard]] std::string moved(std::string path, std::string to) const {
        return files_.contains(to) ? std::move(to) : std::move(path);
    }

    /// "lib/python3.8/" of the file whose end is this one.
    void find_site_packages(std::string_view end) {
        const auto found = std::find_if(files_.begin(), files_.end(), [&](const std::string& file) {
            return file.ends_with(end);
        });
        if (found != files_.end()) {
            above_site_packages_ = found->substr(0, found->size() - end.size() + 1);
        }
    }

    std::set<std::string, std::less<>> files_;
    std::string above_site_packages_;
};

InstalledPathType type_of(std::string_view path_type) {
    if (path_type == "softlink") {
        return InstalledPathType::symlink;
    }
    if (path_type == "directory") {
        return InstalledPathType::directory;
    }
    if (path_type == "pyc_file") {
        return InstalledPathType::compiled;
    }
    if (path_type == "unix_python_entry_point") {
        return InstalledPathType::entry_point;
    }
    return path_type == "hardlink" ? InstalledPathType::file : InstalledPathType::other;
}

Result<std::string> path_in_prefix(std::string_view written) {
    if (written.starts_with('/')) {
        return fail(Code::corrupt, "the path {} is absolute", written);
    }
    auto clean = tar::clean_path(written);
    if (!clean || clean->empty()) {
        return fail(Code::corrupt, "the path \"{}\" is none of the prefix", written);
    }
    return clean;
}

Result<InstalledPath> read_path(const json::Value& value) {
    json::ObjectReader in(value, "a path of the record");
    const std::string written = in.text("_path");
    InstalledPath path;
    path.type = type_of(in.text_or("path_type", "hardlink"));
    const std::string packaged = in.text_or("sha256", "");
    const std::string in_prefix = in.text_or("sha256_in_prefix", "");
    const bool replaced = !in.text_or("prefix_placeholder", "").empty();
    TRY(in.finish(json::UnknownFields::ignore));
    TRY_ASSIGN(path.path, path_in_prefix(written));
    const bool has_digest =
        path.type == InstalledPathType::file || path.type == InstalledPathType::entry_point;
    if (has_digest) {
        // rattler leaves sha256_in_prefix out where nothing was replaced.
        path.sha256 = in_prefix.empty() && !replaced ? packaged : in_prefix;
    }
    return path;
}

}  // namespace

Result<std::vector<InstalledPath>> read_record_paths(
    const std::vector<std::string>& files, const json::Value* paths_data
) {
    std::set<std::string, std::less<>> listed;
    for (const std::string& file : files) {
        TRY_ASSIGN(std::string path, path_in_prefix(file));
        listed.insert(std::move(path));
    }
    Places places(std::move(listed));
    std::map<std::string, InstalledPath> described;
    if (paths_data != nullptr) {
        json::ObjectReader in(*paths_data, "paths_data of the record");
        in.each("paths", [&](const json::Value& value) -> Result<void> {
            TRY_ASSIGN(InstalledPath path, read_path(value));
            path.path = places.of(std::move(path.path));
            std::string key = path.path;
            described.insert_or_assign(std::move(key), std::move(path));
            return {};
        });
        TRY(in.finish(json::UnknownFields::ignore));
    }
    for (const std::string& file : places.files()) {
        described.try_emplace(file, InstalledPath{file, InstalledPathType::other, ""});
    }
    if (described.size() > k_record_paths) {
        return fail(Code::too_large, "the record names more than {} paths", k_record_paths);
    }
    std::vector<InstalledPath> paths;
    paths.reserve(described.size());
    for (auto& [key, path] : described) {
        paths.push_back(std::move(path));
    }
    std::sort(paths.begin(), paths.end(), [](const InstalledPath& a, const InstalledPath& b) {
        return tar::path_less(a.path, b.path);
    });
    return paths;
}

}  // namespace kiln::conda
