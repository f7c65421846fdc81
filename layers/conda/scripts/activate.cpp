#include "layers/conda/scripts/activate.hpp"

#include "layers/conda/scripts/shell_word.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace kiln::conda {

namespace {

constexpr std::array<std::string_view, 9> k_of_the_shell = {
    "_", "SHLVL", "PWD", "OLDPWD", "PS1", "PS2", "PS4", "BASH_ENV", "ENV"};

/// Behind the last variable of each list an empty one, so that a list that was cut short shows.
constexpr std::string_view k_end = "printf '\\000' >&3\n";
constexpr std::string_view k_list_variables = "\"$kiln_cat\" /proc/self/environ >&3 || exit 125\n";

bool is_plain_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '_';
    });
}

/// Whether what a script does to it is told at all.
bool counts(const std::string& name) {
    const bool shells =
        std::find(k_of_the_shell.begin(), k_of_the_shell.end(), name) != k_of_the_shell.end();
    return !shells && is_plain_name(name);
}

using Variables = std::map<std::string, std::string>;

/// The variables up to the empty one; nullopt: there is no end.
std::optional<Variables> take_list(std::string_view& text) {
    Variables variables;
    while (!text.empty()) {
        const std::size_t end = text.find('\0');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view variable = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (variable.empty()) {
            return variables;
        }
        const std::size_t equals = variable.find('=');
        if (equals != std::string_view::npos) {
            variables.emplace(variable.substr(0, equals), variable.substr(equals + 1));
        }
    }
    return std::nullopt;
}

}  // namespace

std::string activation_program(const std::vector<std::string>& scripts) {
    // A script may change PATH, or the directory: what is needed at the end is found before.
    std::string program = "exec 3>&1 1>&2\nkiln_cat=$(command -v cat) || exit 125\n";
    program += k_list_variables;
    program += k_end;
    for (const std::string& script : scripts) {
        program += ". " + shell_word(script) + "\n";
    }
    program += k_list_variables;
    program += k_end;
    return program;
}

Result<ScriptedVariables> read_activation(std::string_view output) {
    const auto before = take_list(output);
    const auto after = before ? take_list(output) : std::nullopt;
    if (!after || !output.empty()) {
        return fail(Code::step_failed, "the scripts of activate.d did not come to their end");
    }
    ScriptedVariables variables;
    for (const auto& [name, value] : *after) {
        const auto was = before->find(name);
        const bool differs = was == before->end() || was->second != value;
        if (differs && counts(name)) {
            variables.set.emplace(name, value);
        }
    }
    for (const auto& [name, value] : *before) {
        if (!after->contains(name) && counts(name)) {
            variables.unset.insert(name);
        }
    }
    return variables;
}

}  // namespace kiln::conda
