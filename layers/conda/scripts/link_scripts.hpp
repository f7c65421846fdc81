#pragma once

#include "layers/conda/environment_plan.hpp"
#include "layers/conda/scripts/link_script_policy.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::conda {

/// cep-34 has four; only these run when a package is installed.
enum class LinkScriptKind : std::uint8_t { pre_link, post_link };

/// "bin/.NAME-post-link.sh"
std::string link_script_path(std::string_view package, LinkScriptKind kind);
/// "post-link"
std::string_view link_script_name(LinkScriptKind kind);

/// One script to run in the image, once its package and all before it are linked.
struct LinkScriptRun {
    std::size_t package = 0;  // index into EnvironmentPlan::packages
    std::string dist;         // of the package
    LinkScriptKind kind = LinkScriptKind::post_link;
    std::vector<std::string> arguments;  // what bash is given
    std::string working_directory;
    std::vector<std::pair<std::string, std::string>> environment;  // sorted by name

    bool operator==(const LinkScriptRun&) const = default;
};

/// What runs, in the order in which it runs, and what is said of what does not.
struct LinkScriptPlan {
    std::vector<LinkScriptRun> runs;
    std::vector<std::string> warnings;
    std::set<std::string, std::less<>> denied;  // names of packages whose scripts do not run
    /// What the scripts tell the user is written here, to be shown and removed (cep-32).
    std::string messages_file;

    /// A script for sh that runs all of them, each in its own directory and environment, shows what
    /// they had to tell, and ends with the first failure, which it names. Empty without runs.
    [[nodiscard]] std::string driver() const;

    /// Named ingredients of the key of the layer that running makes, beside the layers below.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> key() const;
};

/// All pre-link scripts, then all post-link scripts, both in link order. (conda runs a pre-link
/// script before its own package is linked, from the package's cache; here all packages lie in
/// layers before anything runs.) `path` is the image's PATH: the directory of the script comes
/// before it (cep-34).
LinkScriptPlan plan_link_scripts(
    const EnvironmentPlan& plan, const LinkScriptPolicy& policy, std::string_view path
);

/// Errors   invalid_input: the policy asks, and does not name all that have scripts; the hint is a
///          list that does.
Result<void> check_answers(const LinkScriptPlan& scripts, const LinkScriptPolicy& policy);

}  // namespace kiln::conda
