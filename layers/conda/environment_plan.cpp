#include "layers/conda/environment_plan.hpp"

#include "layers/conda/link.hpp"
#include "layers/conda/link_order.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/tar/tar_entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace kiln::conda {

namespace {

/// The targets of each package in link order; strings and pointers outlive the planning.
using AllTargets = std::vector<std::vector<LinkTarget>>;

Result<void> check_prefix(std::string_view prefix);
Result<void> check_package(const EnvironmentPackage& package, const EnvironmentOptions& options);
Result<PythonInfo> find_python(const std::vector<PlannedPackage>& packages);
void settle_clobbers(const AllTargets& targets, EnvironmentPlan& plan);
void warn_of_scripts(EnvironmentPlan& plan);

}  // namespace

std::vector<std::pair<std::string, std::string>> PackageLayerInput::layer_key() const {
    std::vector<std::pair<std::string, std::string>> key = {
        {"format", std::string(k_layer_format)},
        {"package", package.render()},
        {"prefix", prefix},
        {"site-packages", site_packages},
        {"python", python_minor}};
    for (const std::string& path : lost_paths) {
        key.emplace_back("lost", path);
    }
    return key;
}

std::vector<std::pair<std::string, std::string>> EnvironmentPlan::meta_key() const {
    std::vector<std::pair<std::string, std::string>> key = {
        {"format", std::string(k_layer_format)}, {"prefix", prefix}};
    for (const PlannedPackage& each : packages) {
        for (auto& ingredient : each.layer.layer_key()) {
            key.push_back(std::move(ingredient));
        }
        key.emplace_back("file", each.package.file_name);
        key.emplace_back("url", without_credentials(each.package.url));
        key.emplace_back("md5", each.package.md5);
    }
    return key;
}

Result<EnvironmentPlan> plan_environment(
    std::vector<EnvironmentPackage> packages, const EnvironmentOptions& options
) {
    TRY(check_prefix(options.prefix));
    std::map<std::string_view, const EnvironmentPackage*> named;
    std::vector<const PackageMetadata*> all;
    for (const EnvironmentPackage& package : packages) {
        TRY(check_package(package, options));
        const auto [first, fresh] = named.try_emplace(package.metadata.name, &package);
        if (!fresh) {
            return fail(
                Code::invalid_input,
                "{} and {} are two versions of one package",
                first->second->file_name,
                package.file_name
            );
        }
        all.push_back(&package.metadata);
    }
    EnvironmentPlan plan;
    plan.prefix = options.prefix;
    for (const std::size_t index : link_order(all)) {
        EnvironmentPackage& package = packages[index];
        PackageLayerInput layer;
        layer.package = package.sha256;
        layer.prefix = options.prefix;
        plan.packages.push_back({.package = std::move(package), .layer = std::move(layer)});
    }
    TRY_ASSIGN(const PythonInfo python, find_python(plan.packages));
    AllTargets targets;
    for (PlannedPackage& planned : plan.packages) {
        if (planned.package.metadata.noarch == Noarch::python) {
            planned.layer.site_packages = python.site_packages;
            planned.layer.python_minor = python.minor;
        }
        TRY_ASSIGN(auto each, link_targets(planned.package.metadata, python));
        targets.push_back(std::move(each));
    }
    settle_clobbers(targets, plan);
    warn_of_scripts(plan);
    return plan;
}

namespace {

Result<void> check_prefix(std::string_view prefix) {
    const auto clean = tar::clean_path(prefix);
    if (!prefix.starts_with('/') || !clean || clean->empty() || prefix.substr(1) != *clean) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("the prefix {} is no absolute, clean path", prefix),
            .hint = "write it like /opt/env"});
    }
    const bool printable = std::all_of(prefix.begin(), prefix.end(), [](char letter) {
        return letter >= ' ' && letter <= '~' && letter != ':' && letter != '"';
    });
    if (!printable) {
        return fail(
            Code::invalid_input,
            "the prefix {} holds a character that breaks PATH or scripts",
            prefix
        );
    }
    return {};
}

Result<void> check_package(const EnvironmentPackage& package, const EnvironmentOptions& options) {
    const PackageMetadata& metadata = package.metadata;
    if (options.platform && !metadata.subdir.empty() && metadata.subdir != "noarch"
        && metadata.subdir != *options.platform) {
        return fail(
            Code::invalid_input,
            "{} is for {}, the environment for {}",
            package.file_name,
            metadata.subdir,
            *options.platform
        );
    }
    for (const ManifestPath& path : metadata.paths) {
        if (path.mode == FileMode::binary && !path.placeholder.empty()
            && options.prefix.size() > path.placeholder.size()) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format(
                    "the prefix {} has {} bytes; {} in {} has room for {}",
                    options.prefix,
                    options.prefix.size(),
                    path.path,
                    package.file_name,
                    path.placeholder.size()
                ),
                .hint = "choose a shorter prefix"});
        }
    }
    return {};
}

/// Of an environment without noarch python packages nothing is asked.
Result<PythonInfo> find_python(const std::vector<PlannedPackage>& packages) {
    const auto is_noarch = [](const PlannedPackage& each) {
        return each.package.metadata.noarch == Noarch::python;
    };
    const auto needs = std::find_if(packages.begin(), packages.end(), is_noarch);
    if (needs == packages.end()) {
        return PythonInfo{};
    }
    for (const PlannedPackage& each : packages) {
        if (each.package.metadata.name == "python") {
            return python_info(each.package.metadata);
        }
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "{} is a python package, and the environment has no python", needs->package.file_name
        ),
        .hint = "add the package python to the lock"});
}

/// Sequential linking in one pass over names: a package takes a path from every earlier one that
/// has the same path, a file where it needs a directory, or a directory where it has a file.
class Clobbers {
  public:
    explicit Clobbers(const AllTargets& targets) {
        for (std::size_t package = 0; package < targets.size(); ++package) {
            for (const LinkTarget& target : targets[package]) {
                if (is_directory(target)) {
                    mark_directory(target.path, package);
                } else {
                    leaf_.insert_or_assign(target.path, package);
                }
                mark_directory(parent_of(target.path), package);
            }
        }
        for (const auto& [path, package] : leaf_) {
            if (directory_.contains(path)) {
                contested_.insert(path);  // only asked for membership: its order reaches nothing
            }
        }
    }

    /// The package that takes the path from `package`, or nullopt.
    [[nodiscard]] std::optional<std::size_t> winner(const LinkTarget& target, std::size_t package)
        const {
        std::size_t last = package;
        if (const auto leaf = leaf_.find(target.path); leaf != leaf_.end()) {
            last = std::max(last, leaf->second);
        }
        if (contested_.empty()) {
            return last == package ? std::nullopt : std::optional(last);
        }
        if (const auto below = directory_.find(target.path);
            below != directory_.end() && !is_directory(target)) {
            last = std::max(last, below->second);
        }
        for (std::string_view at = parent_of(target.path); !at.empty(); at = parent_of(at)) {
            if (contested_.contains(at)) {
                last = std::max(last, leaf_.at(at));
            }
        }
        return last == package ? std::nullopt : std::optional(last);
    }

  private:
    static bool is_directory(const LinkTarget& target) {
        return target.source != nullptr && target.source->type == PathType::directory;
    }

    static std::string_view parent_of(std::string_view path) {
        const std::size_t slash = path.rfind('/');
        return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
    }

    /// The directory and all above it, up to one that this package has marked already.
    void mark_directory(std::string_view path, std::size_t package) {
        for (; !path.empty(); path = parent_of(path)) {
            const auto [place, fresh] = directory_.try_emplace(path, package);
            if (!fresh && place->second == package) {
                return;
            }
            place->second = package;
        }
    }

    std::unordered_map<std::string_view, std::size_t> leaf_;       // path -> last package
    std::unordered_map<std::string_view, std::size_t> directory_;  // path -> last package
    std::unordered_set<std::string_view> contested_;
};

void settle_clobbers(const AllTargets& targets, EnvironmentPlan& plan) {
    const Clobbers clobbers(targets);
    for (std::size_t loser = 0; loser < targets.size(); ++loser) {
        std::map<std::size_t, std::vector<std::string>> taken;  // by whom
        for (const LinkTarget& target : targets[loser]) {
            if (const auto winner = clobbers.winner(target, loser)) {
                plan.packages[loser].layer.lost_paths.push_back(target.path);
                taken[*winner].push_back(target.path);
            }
        }
        for (const auto& [winner, paths] : taken) {
            const std::string more =
                paths.size() > 1 ? fmt::format(" and {} more paths", paths.size() - 1) : "";
            plan.warnings.push_back(fmt::format(
                "{} and {} both hold {}{}; what {} has there is kept, as it is linked later",
                plan.packages[loser].package.metadata.dist(),
                plan.packages[winner].package.metadata.dist(),
                paths.front(),
                more,
                plan.packages[winner].package.metadata.name
            ));
        }
    }
}

void warn_of_scripts(EnvironmentPlan& plan) {
    for (const PlannedPackage& each : plan.packages) {
        const PackageMetadata& metadata = each.package.metadata;
        for (const std::string_view kind : {"pre-link", "post-link"}) {
            const std::string script = fmt::format("bin/.{}-{}.sh", metadata.name, kind);
            const bool has = std::any_of(
                metadata.paths.begin(),
                metadata.paths.end(),
                [&](const ManifestPath& path) { return path.path == script; }
            );
            if (has) {
                plan.warnings.push_back(
                    fmt::format("the {} script of {} is not run", kind, metadata.dist())
                );
            }
        }
    }
}

}  // namespace

}  // namespace kiln::conda
