#include "daemon/build/activation.hpp"

#include "layers/oci/image_config.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace kiln::daemon {
namespace {

constexpr std::string_view k_plain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:+,@%";

/// A value as an ENV of a Dockerfile has it, without escapes: which character escapes is the
/// Dockerfile's choice. Between single quotes everything is what it is.
std::string quoted(std::string_view value) {
    if (!value.empty() && value.find_first_not_of(k_plain) == std::string_view::npos) {
        return std::string(value);
    }
    std::string text = "'";
    for (const char c : value) {
        text += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
    }
    return text + "'";
}

/// A value as an ENV may have it, "$NAME" in the place of what the variable held before.
std::string written(std::string_view name, std::string_view value, std::string_view was) {
    std::string text;
    std::size_t told = 0;
    const auto tell = [&](std::size_t end) {
        text += end > told ? quoted(value.substr(told, end - told)) : std::string();
    };
    std::size_t at = was.empty() || was == value ? std::string_view::npos : value.find(was);
    while (at != std::string_view::npos) {
        const std::size_t end = at + was.size();
        const bool begins = at == 0 || value[at - 1] == ':';
        const bool ends = end == value.size() || value[end] == ':';
        if (begins && ends) {
            tell(at);
            text += fmt::format("${}", name);
            told = end;
        }
        at = value.find(was, begins && ends ? end : at + 1);
    }
    tell(value.size());
    return text.empty() ? quoted(value) : text;
}

Result<std::set<std::string>> parse_names(const json::Value* value) {
    std::set<std::string> names;
    const json::Array* const array = value == nullptr ? nullptr : value->if_array();
    if (array == nullptr) {
        return fail(Code::corrupt, "what an environment unsets is no list");
    }
    for (const json::Value& each : *array) {
        if (!each.is_string()) {
            return fail(Code::corrupt, "a name of a variable is no text");
        }
        names.emplace(each.as_string());
    }
    return names;
}

}  // namespace

ActivationPoint activate_prefix(
    const std::string& prefix,
    std::vector<std::string> environment,
    const std::set<std::string, std::less<>>& later
) {
    ActivationPoint point{
        .before = environment, .environment = std::move(environment), .names = {}};
    const auto set = [&](const std::string& name, const std::string& value) {
        if (!later.contains(name)) {
            oci::set_env(point.environment, name, value);
            point.names.push_back(name);
        }
    };
    const std::string path = oci::find_env(point.before, "PATH").value_or("");
    set("PATH", prefix + "/bin" + (path.empty() ? "" : ":" + path));
    set("CONDA_PREFIX", prefix);
    set("CONDA_DEFAULT_ENV", prefix);
    return point;
}

std::vector<std::string> activated(
    std::vector<std::string> environment, const Activation& activation
) {
    for (const auto& [name, value] : activation.variables) {
        oci::set_env(environment, name, value);
    }
    for (const std::string& name : activation.unset) {
        oci::unset_env(environment, name);
    }
    return environment;
}

std::vector<std::string> activation_history(
    const ActivationPoint& point, const Activation& activation
) {
    const std::vector<std::string> environment = activated(point.environment, activation);
    std::vector<std::string> names = point.names;
    for (const auto& [name, value] : activation.variables) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
    }
    std::string text;
    for (const std::string& name : names) {
        if (const auto value = oci::find_env(environment, name)) {
            const auto was = oci::find_env(point.before, name);
            text += fmt::format(" {}={}", name, written(name, *value, was.value_or("")));
        }
    }
    std::vector<std::string> history;
    if (!text.empty()) {
        history.push_back("ENV" + text);
    }
    if (!activation.unset.empty()) {
        history.push_back(fmt::format("conda unset {}", fmt::join(activation.unset, " ")));
    }
    return history;
}

std::string render_activation(const Activation& activation) {
    json::Object record;
    record["set"] = json::from_text_map(activation.variables);
    record["unset"] = json::Array(activation.unset.begin(), activation.unset.end());
    return json::render(record);
}

Result<Activation> parse_activation(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text, "the variables of an environment"));
    const json::Object* const record = value.if_object();
    const json::Value* const set = record == nullptr ? nullptr : record->if_contains("set");
    const json::Object* const variables = set == nullptr ? nullptr : set->if_object();
    if (variables == nullptr) {
        return fail(Code::corrupt, "the variables of an environment are no object");
    }
    Activation activation;
    for (const auto& [name, each] : *variables) {
        if (!each.is_string()) {
            return fail(Code::corrupt, "a variable of an environment is no text");
        }
        activation.variables.emplace(std::string(name), std::string(each.as_string()));
    }
    TRY_ASSIGN(activation.unset, parse_names(record->if_contains("unset")));
    return activation;
}

}  // namespace kiln::daemon
