#include "layers/conda/scripts/link_scripts.hpp"

#include "layers/tar/tar_entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kiln::conda {

namespace {

constexpr std::array k_kinds = {LinkScriptKind::pre_link, LinkScriptKind::post_link};

/// More names than packages have scripts are a mistake.
constexpr std::size_t k_allowed_names = 1'000;

bool is_package_name(std::string_view name);
bool brings(const PlannedPackage& planned, std::string_view path);
std::string build_number(const PackageMetadata& metadata);
LinkScriptRun run_of(
    const EnvironmentPlan& plan, std::size_t package, LinkScriptKind kind, std::string_view path
);

}  // namespace

std::string_view link_script_name(LinkScriptKind kind) {
    switch (kind) {
        case LinkScriptKind::pre_link:
            return "pre-link";
        case LinkScriptKind::post_link:
            return "post-link";
    }
    return "post-link";
}

std::string link_script_path(std::string_view package, LinkScriptKind kind) {
    return fmt::format("bin/.{}-{}.sh", package, link_script_name(kind));
}

Result<LinkScriptPolicy> LinkScriptPolicy::parse(std::string_view text) {
    LinkScriptPolicy policy;
    if (text == "deny") {
        return policy;
    }
    if (text == "allow") {
        policy.everyone_ = true;
        return policy;
    }
    while (true) {
        const std::size_t comma = text.find(',');
        const std::string_view name = text.substr(0, comma);
        if (!is_package_name(name)) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = fmt::format("\"{}\" is no name of a package", name),
                .hint = "write deny, allow, or names like perl,bioconductor-limma"});
        }
        policy.names_.emplace(name);
        if (policy.names_.size() > k_allowed_names) {
            return fail(
                Code::too_large, "scripts are allowed to more than {} packages", k_allowed_names
            );
        }
        if (comma == std::string_view::npos) {
            return policy;
        }
        text.remove_prefix(comma + 1);
    }
}

std::string LinkScriptPolicy::render() const {
    if (everyone_) {
        return "allow";
    }
    return names_.empty() ? "deny" : fmt::format("{}", fmt::join(names_, ","));
}

bool LinkScriptPolicy::allows(std::string_view package) const {
    return everyone_ || names_.contains(package);
}

std::vector<std::pair<std::string, std::string>> LinkScriptPlan::key() const {
    std::vector<std::pair<std::string, std::string>> key;
    for (const LinkScriptRun& run : runs) {
        key.emplace_back("run", fmt::format("{}", fmt::join(run.arguments, " ")));
        for (const auto& [name, value] : run.environment) {
            key.emplace_back("environment", fmt::format("{}={}", name, value));
        }
    }
    return key;
}

LinkScriptPlan plan_link_scripts(
    const EnvironmentPlan& plan, const LinkScriptPolicy& policy, std::string_view path
) {
    LinkScriptPlan scripts;
    scripts.messages_file = plan.prefix + "/.messages.txt";
    for (const LinkScriptKind kind : k_kinds) {
        for (std::size_t i = 0; i < plan.packages.size(); ++i) {
            const PackageMetadata& metadata = plan.packages[i].package.metadata;
            if (!brings(plan.packages[i], link_script_path(metadata.name, kind))) {
                continue;
            }
            if (policy.allows(metadata.name)) {
                scripts.runs.push_back(run_of(plan, i, kind, path));
            } else {
                scripts.warnings.push_back(fmt::format(
                    "the {} script of {} is not run; --link-scripts={} runs it",
                    link_script_name(kind),
                    metadata.dist(),
                    metadata.name
                ));
            }
        }
    }
    return scripts;
}

namespace {

/// cep-26: package names, and nothing that a list could not hold.
bool is_package_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-'
               || letter == '_' || letter == '.';
    });
}

/// A script that another package has taken is not this one's to run.
bool brings(const PlannedPackage& planned, std::string_view path) {
    const auto before = [](const ManifestPath& each, std::string_view wanted) {
        return tar::path_less(each.path, wanted);
    };
    const std::vector<ManifestPath>& paths = planned.package.metadata.paths;
    const auto found = std::lower_bound(paths.begin(), paths.end(), path, before);
    if (found == paths.end() || found->path != path) {
        return false;
    }
    const std::vector<std::string>& lost = planned.layer.lost_paths;
    return std::find(lost.begin(), lost.end(), path) == lost.end();
}

std::string build_number(const PackageMetadata& metadata) {
    const json::Value* number = metadata.index.if_contains("build_number");
    return number != nullptr && number->is_number() ? json::render(*number) : "0";
}

LinkScriptRun run_of(
    const EnvironmentPlan& plan, std::size_t package, LinkScriptKind kind, std::string_view path
) {
    const PackageMetadata& metadata = plan.packages[package].package.metadata;
    const std::string directory = plan.prefix + "/bin";
    LinkScriptRun run{.package = package, .kind = kind, .working_directory = directory};
    run.arguments = {
        "bash", "-x", fmt::format("{}/{}", plan.prefix, link_script_path(metadata.name, kind))};
    run.environment = {
        {"PATH", path.empty() ? directory : fmt::format("{}:{}", directory, path)},
        {"PKG_BUILDNUM", build_number(metadata)},
        {"PKG_NAME", metadata.name},
        {"PKG_VERSION", metadata.version},
        {"PREFIX", plan.prefix},
        {"ROOT_PREFIX", plan.prefix},
        {"SOURCE_DIR", plan.prefix}};
    return run;
}

}  // namespace

}  // namespace kiln::conda
