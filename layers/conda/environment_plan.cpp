#include "layers/conda/environment_plan.hpp"

#include "layers/conda/clobbers.hpp"
#include "layers/conda/link.hpp"
#include "layers/conda/link_order.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace kiln::conda {

namespace {

Result<void> check_prefix(std::string_view prefix);
Result<void> check_platform(const EnvironmentPackage& package, const EnvironmentOptions& options);
Result<void> check_room(const std::vector<EnvironmentPackage>& packages, std::string_view prefix);
Result<PythonInfo> find_python(const std::vector<PlannedPackage>& packages);

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

Result<LinkTargets> kept_targets(const PlannedPackage& planned) {
    const PythonInfo python{
        .minor = planned.layer.python_minor, .site_packages = planned.layer.site_packages};
    TRY_ASSIGN(LinkTargets targets, link_targets(planned.package.metadata, python));
    targets.remove(planned.layer.lost_paths);
    return targets;
}

std::vector<std::pair<std::string, std::string>> EnvironmentPlan::record_key(
    const PlannedPackage& planned
) const {
    std::vector<std::pair<std::string, std::string>> key = planned.layer.layer_key();
    const EnvironmentPackage& package = planned.package;
    key.emplace_back("file", package.file_name);
    key.emplace_back("url", without_credentials(package.url));
    key.emplace_back("md5", package.md5);
    key.emplace_back("channel", without_credentials(package.channel));
    // Depends and their kin, which repodata and locks may have changed.
    key.emplace_back("record", digest_of(json::render(package.metadata.index)).hex());
    for (const std::string& spec : package.requested_specs) {
        key.emplace_back("requested", spec);
    }
    if (!planned.compiled.empty()) {
        const std::string compiled = fmt::format("{}", fmt::join(planned.compiled, "\n"));
        key.emplace_back("compiled", digest_of(compiled).hex());
    }
    return key;
}

std::vector<std::pair<std::string, std::string>> EnvironmentPlan::head_key() const {
    std::vector<std::pair<std::string, std::string>> key = {
        {"format", std::string(k_layer_format)}, {"prefix", prefix}};
    for (const auto& [name, value] : variables) {
        key.emplace_back("variable", fmt::format("{}={}", name, value));
    }
    if (frozen) {
        key.emplace_back("frozen", *frozen);
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
        TRY(check_platform(package, options));
        const auto [first, fresh] = named.try_emplace(package.metadata.name, &package);
        if (!fresh) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format(
                    "{} and {} are two versions of one package",
                    first->second->file_name,
                    package.file_name
                ),
                .where = package.where,
                .hint = "an environment holds one of them"});
        }
        all.push_back(&package.metadata);
    }
    TRY(check_room(packages, options.prefix));
    EnvironmentPlan plan;
    plan.prefix = options.prefix;
    plan.variables = options.variables;
    plan.frozen = options.frozen;
    for (const std::size_t index : link_order(all)) {
        EnvironmentPackage& package = packages[index];
        PackageLayerInput layer;
        layer.package = package.sha256;
        layer.prefix = options.prefix;
        plan.packages.push_back({.package = std::move(package), .layer = std::move(layer)});
    }
    TRY_ASSIGN(const PythonInfo python, find_python(plan.packages));
    std::vector<LinkTargets> targets;  // in link order
    for (PlannedPackage& planned : plan.packages) {
        if (planned.package.metadata.noarch == Noarch::python) {
            planned.layer.site_packages = python.site_packages;
            planned.layer.python_minor = python.minor;
        }
        auto each = link_targets(planned.package.metadata, python);
        if (!each) {
            Error error = std::move(each).error();
            error.where = error.where ? error.where : planned.package.where;
            return fail(std::move(error));
        }
        targets.push_back(std::move(*each));
    }
    settle_clobbers(targets, plan);
    return plan;
}

std::vector<std::string> missing_dependencies(const EnvironmentPlan& plan) {
    std::set<std::string, std::less<>> here;
    for (const PlannedPackage& each : plan.packages) {
        here.insert(each.package.metadata.name);
    }
    std::vector<std::string> missing;
    for (const PlannedPackage& each : plan.packages) {
        for (const std::string& depend : each.package.metadata.depends) {
            const std::string name = depend_name(depend);
            if (!name.starts_with("__") && !here.contains(name)) {
                missing.push_back(fmt::format(
                    "{} needs {}, which the environment lacks", each.package.metadata.dist(), depend
                ));
            }
        }
    }
    return missing;
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

Result<void> check_platform(const EnvironmentPackage& package, const EnvironmentOptions& options) {
    const PackageMetadata& metadata = package.metadata;
    if (options.platform && !metadata.subdir.empty() && metadata.subdir != "noarch"
        && metadata.subdir != *options.platform) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} is for {}, the environment for {}",
                package.file_name,
                metadata.subdir,
                *options.platform
            ),
            .where = package.where});
    }
    return {};
}

/// The prefix takes the place of the placeholder in binary files, where nothing may move: the
/// tightest file of all packages decides.
Result<void> check_room(const std::vector<EnvironmentPackage>& packages, std::string_view prefix) {
    const EnvironmentPackage* package = nullptr;
    const ManifestPath* tightest = nullptr;
    for (const EnvironmentPackage& each : packages) {
        for (const ManifestPath& path : each.metadata.paths) {
            const bool bound = path.mode == FileMode::binary && !path.placeholder.empty();
            if (bound
                && (tightest == nullptr || path.placeholder.size() < tightest->placeholder.size()
                )) {
                package = &each;
                tightest = &path;
            }
        }
    }
    if (tightest == nullptr || prefix.size() <= tightest->placeholder.size()) {
        return {};
    }
    const std::size_t room = tightest->placeholder.size();
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "the prefix {} has {} bytes; {} in {} has room for {}",
            prefix,
            prefix.size(),
            tightest->path,
            package->file_name,
            room
        ),
        .where = package->where,
        .hint = fmt::format("choose a shorter prefix; these packages allow {} bytes", room)});
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
        .where = needs->package.where,
        .hint = "add the package python to the lock"});
}

}  // namespace

}  // namespace kiln::conda
