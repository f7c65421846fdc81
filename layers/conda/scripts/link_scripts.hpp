#pragma once

#include "layers/conda/environment_plan.hpp"
#include "store/base/error.hpp"

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

/// Which packages may run code of their own while an image is built: `deny` (the default), `allow`,
/// or the names of those that may, separated by commas.
class LinkScriptPolicy {
  public:
    LinkScriptPolicy() = default;  // deny

    /// Errors   invalid_input: an empty name, or one that no package can have.
    static Result<LinkScriptPolicy> parse(std::string_view text);
    /// Inverse of parse(); names sorted.
    [[nodiscard]] std::string render() const;

    [[nodiscard]] bool allows(std::string_view package) const;

    bool operator==(const LinkScriptPolicy&) const = default;

  private:
    bool everyone_ = false;
    std::set<std::string, std::less<>> names_;
};

/// One script to run in the image, once its package and all before it are linked.
struct LinkScriptRun {
    std::size_t package = 0;  // index into EnvironmentPlan::packages
    LinkScriptKind kind = LinkScriptKind::post_link;
    std::vector<std::string> arguments;  // {"bash", "-x", "/opt/env/bin/.NAME-post-link.sh"}
    std::string working_directory;
    std::vector<std::pair<std::string, std::string>> environment;  // sorted by name

    bool operator==(const LinkScriptRun&) const = default;
};

/// What runs, in the order in which it runs, and what is said of what does not.
struct LinkScriptPlan {
    std::vector<LinkScriptRun> runs;
    std::vector<std::string> warnings;
    /// What the scripts tell the user is written here, to be shown and removed (cep-32).
    std::string messages_file;

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

}  // namespace kiln::conda
