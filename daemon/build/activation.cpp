#include "daemon/build/activation.hpp"

#include "layers/oci/image_config.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>

namespace kiln::daemon {
namespace {

constexpr std::string_view k_plain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:+,@%";

/// A value as an ENV of a Dockerfile has it. Between single quotes everything is what it is; a
/// rebase follows no escapes.
std::string quoted(std::string_view value) {
    if (!value.empty() && value.find_first_not_of(k_plain) == std::string_view::npos) {
        return std::string(value);
    }
    const bool special = value.find_first_of("\"$\\") != std::string_view::npos;
    if (special && value.find('\'') == std::string_view::npos) {
        return fmt::format("'{}'", value);
    }
    std::string text = "\"";
    for (const char c : value) {
        if (c == '"' || c == '$' || c == '\\') {
            text += '\\';
        }
        text += c;
    }
    return text + '"';
}

}  // namespace

ActivationPoint activate_prefix(
    const std::string& prefix,
    std::vector<std::string> environment,
    std::set<std::string, std::less<>> later
) {
    ActivationPoint point{.environment = std::move(environment), .instruction = {}, .later = {}};
    const auto say = [&point](std::string_view name, const std::string& value) {
        point.instruction +=
            fmt::format("{}{}={}", point.instruction.empty() ? "" : " ", name, value);
    };
    const std::string programs = prefix + "/bin";
    if (!later.contains("PATH")) {
        const std::string path = oci::find_env(point.environment, "PATH").value_or("");
        oci::set_env(point.environment, "PATH", programs + (path.empty() ? "" : ":" + path));
        // '$' is for the variable that stood there before, and not part of the prefix.
        const std::string said = quoted(programs);
        say("PATH",
            said.ends_with('"') ? said.substr(0, said.size() - 1) + ":$PATH\"" : said + ":$PATH");
    }
    for (const char* name : {"CONDA_PREFIX", "CONDA_DEFAULT_ENV"}) {
        if (!later.contains(name)) {
            oci::set_env(point.environment, name, prefix);
            say(name, quoted(prefix));
        }
    }
    point.later = std::move(later);
    return point;
}

std::vector<std::string> with_activations(
    std::vector<std::string> environment, std::span<const Activation> activations
) {
    const std::vector<std::string> planned = environment;
    for (const Activation& activation : activations) {
        for (const auto& [name, value] : activation.variables) {
            if (oci::find_env(planned, name) == oci::find_env(activation.planned, name)) {
                oci::set_env(environment, name, value);
            }
        }
    }
    return environment;
}

std::string activation_instruction(
    std::string_view instruction, const std::map<std::string, std::string>& variables
) {
    std::string text(instruction);
    for (const auto& [name, value] : variables) {
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, quoted(value));
    }
    return text.empty() ? text : "ENV " + text;
}

std::string render_variables(const std::map<std::string, std::string>& variables) {
    return json::render(json::from_text_map(variables));
}

Result<std::map<std::string, std::string>> parse_variables(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text, "the variables of an environment"));
    std::map<std::string, std::string> variables;
    const json::Object* const object = value.if_object();
    if (object == nullptr) {
        return fail(Code::corrupt, "the variables of an environment are no object");
    }
    for (const auto& [name, each] : *object) {
        if (!each.is_string()) {
            return fail(Code::corrupt, "a variable of an environment is no text");
        }
        variables.emplace(std::string(name), std::string(each.as_string()));
    }
    return variables;
}

}  // namespace kiln::daemon
