#include "layers/conda/scripts/link_script_policy.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::conda {

namespace {

/// More names than packages have scripts are a mistake.
constexpr std::size_t k_allowed_names = 1'000;

constexpr std::string_view k_deny = "deny";
constexpr std::string_view k_allow = "allow";
constexpr std::string_view k_ask = "ask-list";

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
    if (text == k_deny) {
        return policy;
    }
    if (text == k_allow) {
        policy.everyone_ = true;
        return policy;
    }
    if (text == k_ask || text.starts_with(fmt::format("{},", k_ask))) {
        policy.asks_ = true;
        if (text == k_ask) {
            return policy;
        }
        text.remove_prefix(k_ask.size() + 1);
    }
    while (true) {
        const std::size_t comma = text.find(',');
        const std::string_view name = text.substr(0, comma);
        const bool word = name == k_deny || name == k_allow || name == k_ask;
        if (word || !is_package_name(name)) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = word ? fmt::format("\"{}\" does not go among names of packages", name)
                                : fmt::format("\"{}\" is no name of a package", name),
                .hint = "write deny, allow, names like perl,bioconductor-limma, or ask-list and "
                        "then names"});
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
        return std::string(k_allow);
    }
    if (!asks_) {
        return names_.empty() ? std::string(k_deny) : fmt::format("{}", fmt::join(names_, ","));
    }
    return fmt::format("{}{}{}", k_ask, names_.empty() ? "" : ",", fmt::join(names_, ","));
}

LinkScriptPolicy LinkScriptPolicy::with(const std::set<std::string, std::less<>>& names) const {
    LinkScriptPolicy policy = *this;
    policy.names_.insert(names.begin(), names.end());
    return policy;
}

bool LinkScriptPolicy::allows(std::string_view package) const {
    return everyone_ || names_.contains(package);
}

}  // namespace kiln::conda
