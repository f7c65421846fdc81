#include "layers/conda/scripts/link_scripts.hpp"

#include "layers/conda/link.hpp"
#include "layers/conda/scripts/shell_word.hpp"
#include "layers/tar/tar_entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace kiln::conda {

namespace {

constexpr std::array k_kinds = {LinkScriptKind::pre_link, LinkScriptKind::post_link};

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

std::string LinkScriptPlan::driver() const {
    std::string script;
    for (const LinkScriptRun& run : runs) {
        // A function's own shell: nothing of one script reaches the next.
        script += fmt::format("(cd {}", shell_word(run.working_directory));
        for (const auto& [name, value] : run.environment) {
            script += fmt::format(" && export {}={}", name, shell_word(value));
        }
        script += " && exec";
        for (const std::string& argument : run.arguments) {
            script += " " + shell_word(argument);
        }
        const std::string told =
            fmt::format("the {} script of {} ended with", link_script_name(run.kind), run.dist);
        script += fmt::format(
            ") || {{ code=$?; echo {} \"$code\" >&2; exit \"$code\"; }}\n", shell_word(told)
        );
    }
    if (!script.empty()) {
        const std::string messages = shell_word(messages_file);
        script += fmt::format("if [ -f {0} ]; then cat {0}; fi\nrm -f {0}\n", messages);
    }
    return script;
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
                scripts.denied.insert(metadata.name);
                scripts.warnings.push_back(fmt::format(
                    "the {} script of {} is not run", link_script_name(kind), metadata.dist()
                ));
            }
        }
    }
    if (!scripts.denied.empty()) {
        scripts.warnings.back() += fmt::format(
            "; --link-scripts={} runs {}, and so does link_scripts in a definition",
            policy.with(scripts.denied).render(),
            scripts.warnings.size() == 1 ? "it" : "all of them"
        );
    }
    return scripts;
}

Result<void> check_answers(const LinkScriptPlan& scripts, const LinkScriptPolicy& policy) {
    if (!policy.asks() || scripts.denied.empty()) {
        return {};
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "nothing says whether the link scripts of {} may run", fmt::join(scripts.denied, ", ")
        ),
        .hint = fmt::format(
            "--link-scripts={} lets them; without ask-list, those that are not named do not run",
            policy.with(scripts.denied).render()
        )});
}

namespace {

/// A script that another package has taken is not this one's to run.
bool brings(const PlannedPackage& planned, std::string_view path) {
    const auto before = [](const ManifestPath& each, std::string_view wanted) {
        return tar::path_less(each.path, wanted);
    };
    const ManifestPaths& paths = planned.package.metadata.paths;
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

/// etc/conda/activate.d/*.sh of all packages, in the order in which activation reads them (cep-32).
std::set<std::string> activation_scripts(const EnvironmentPlan& plan) {
    std::set<std::string> scripts;
    for (const PlannedPackage& planned : plan.packages) {
        const ManifestPaths& paths = planned.package.metadata.paths;
        for (const ManifestPath& path : paths.below("etc/conda/activate.d")) {
            if (path.path.ends_with(".sh") && brings(planned, path.path)) {
                scripts.insert(path.path);
            }
        }
    }
    return scripts;
}

/// What bash does: a pre-link script runs by itself; a post-link script is read by a shell in which
/// the environment is active, as conda has it, so that it may end with `return`.
std::vector<std::string> arguments_of(
    const EnvironmentPlan& plan, LinkScriptKind kind, const std::string& script
) {
    if (kind == LinkScriptKind::pre_link) {
        return {"bash", "-x", script};
    }
    std::string shell;
    for (const std::string& each : activation_scripts(plan)) {
        shell += fmt::format(". {}; ", shell_word(fmt::format("{}/{}", plan.prefix, each)));
    }
    return {"bash", "-c", shell + ". \"$0\"", script};
}

LinkScriptRun run_of(
    const EnvironmentPlan& plan, std::size_t package, LinkScriptKind kind, std::string_view path
) {
    const PackageMetadata& metadata = plan.packages[package].package.metadata;
    const std::string directory = plan.prefix + "/bin";
    LinkScriptRun run{
        .package = package, .dist = metadata.dist(), .kind = kind, .working_directory = directory};
    run.arguments = arguments_of(
        plan, kind, fmt::format("{}/{}", plan.prefix, link_script_path(metadata.name, kind))
    );
    std::map<std::string, std::string> environment = {
        {"PATH", path.empty() ? directory : fmt::format("{}:{}", directory, path)},
        {"PKG_BUILDNUM", build_number(metadata)},
        {"PKG_NAME", metadata.name},
        {"PKG_VERSION", metadata.version},
        {"PREFIX", plan.prefix},
        {"ROOT_PREFIX", ""},  // no conda is installed anywhere (cep-34)
        {"SOURCE_DIR", plan.prefix}};
    if (kind == LinkScriptKind::post_link) {
        environment.insert(plan.variables.begin(), plan.variables.end());
        environment["CONDA_PREFIX"] = plan.prefix;
        environment["CONDA_DEFAULT_ENV"] = plan.prefix;
        environment["CONDA_SHLVL"] = "1";
    }
    run.environment.assign(environment.begin(), environment.end());
    return run;
}

}  // namespace

}  // namespace kiln::conda
