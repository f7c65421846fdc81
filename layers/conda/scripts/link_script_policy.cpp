#include "layers/conda/scripts/link_script_policy.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::conda {

namespace {

/// More names than packages have scripts are a mistake.
constexpr std::size_t k_allowed_names = 1'000;

/// cep-26: package names, and nothing that a list could not hold.
bool is_package_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-'
               || letter == '_' || letter == '.';
    });
}

}  // namespace

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

}  // namespace kiln::conda
