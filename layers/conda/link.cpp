#include "layers/conda/link.hpp"

#include "layers/tar/tar_entry.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::conda {

namespace {

Result<void> check_directories(
    const std::vector<LinkTarget>& targets, const PackageMetadata& metadata
);

}  // namespace

Result<PythonInfo> python_info(const PackageMetadata& python) {
    const std::string_view version = python.version;
    const std::size_t first = version.find('.');
    const std::size_t second =
        first == std::string_view::npos ? first : version.find('.', first + 1);
    const std::string_view minor = version.substr(0, second);
    if (first == std::string_view::npos || first == 0 || minor.size() == first + 1
        || minor.find_first_not_of("0123456789.") != std::string_view::npos) {
        return fail(Code::corrupt, "{} has a version without a minor number", python.dist());
    }
    PythonInfo info{
        .minor = std::string(minor),
        .site_packages = fmt::format("lib/python{}/site-packages", minor)};
    if (!python.python_site_packages_path.empty()) {
        const std::string_view path = python.python_site_packages_path;
        auto clean = tar::clean_path(path);
        if (path.starts_with('/') || !clean || clean->empty()) {
            return fail(
                Code::corrupt,
                "{} has its site-packages outside the prefix: {}",
                python.dist(),
                path
            );
        }
        info.site_packages = std::move(*clean);
    }
    return info;
}

std::string noarch_python_path(std::string_view path, std::string_view site_packages) {
    constexpr std::string_view k_site_packages = "site-packages/";
    constexpr std::string_view k_scripts = "python-scripts/";
    if (path.starts_with(k_site_packages)) {
        return fmt::format("{}/{}", site_packages, path.substr(k_site_packages.size()));
    }
    if (path.starts_with(k_scripts)) {
        return fmt::format("bin/{}", path.substr(k_scripts.size()));
    }
    return std::string(path);
}

void LinkTargets::remove(const std::vector<std::string>& paths) {
    auto next = paths.begin();
    std::erase_if(targets_, [&](const LinkTarget& target) {
        const bool is_next = next != paths.end() && *next == target.path;
        next += is_next ? 1 : 0;
        return is_next;
    });
}

Result<LinkTargets> link_targets(const PackageMetadata& metadata, const PythonInfo& python) {
    const bool moves = metadata.noarch == Noarch::python;
    LinkTargets all;
    std::vector<LinkTarget>& targets = all.targets_;
    targets.reserve(metadata.paths.size() + metadata.entry_points.size());
    // Entry points first: of equal paths the stable sort keeps them, unique drops the file.
    for (const EntryPoint& entry_point : metadata.entry_points) {
        const std::string& path = all.moved_.emplace_back("bin/" + entry_point.command);
        targets.push_back({.path = path, .entry_point = &entry_point});
    }
    for (const ManifestPath& path : metadata.paths) {
        const std::string& to =
            moves ? all.moved_.emplace_back(noarch_python_path(path.path, python.site_packages))
                  : path.path;
        targets.push_back({.path = to, .source = &path});
    }
    const auto before = [](const LinkTarget& a, const LinkTarget& b) {
        return tar::path_less(a.path, b.path);
    };
    const auto same = [](const LinkTarget& a, const LinkTarget& b) { return a.path == b.path; };
    if (!all.moved_.empty()) {  // the manifest itself is sorted and unique
        if (!std::is_sorted(targets.begin(), targets.end(), before)) {
            std::stable_sort(targets.begin(), targets.end(), before);
        }
        targets.erase(std::unique(targets.begin(), targets.end(), same), targets.end());
    }
    TRY(check_directories(targets, metadata));
    return all;
}

namespace {

/// In this order everything below a path comes right after it, so the last path that is no
/// directory is the only one to look at.
Result<void> check_directories(
    const std::vector<LinkTarget>& targets, const PackageMetadata& metadata
) {
    const LinkTarget* leaf = nullptr;
    for (const LinkTarget& target : targets) {
        if (leaf != nullptr && is_below(target.path, leaf->path)) {
            return fail(
                Code::corrupt,
                "{}: {} lies below {}, which is no directory",
                metadata.dist(),
                target.path,
                leaf->path
            );
        }
        if (target.source == nullptr || target.source->type != PathType::directory) {
            leaf = &target;
        }
    }
    return {};
}

}  // namespace

}  // namespace kiln::conda
