#include "layers/oci/rebase_value.hpp"

#include "layers/oci/image_config.hpp"

#include <algorithm>
#include <string_view>

namespace kiln::oci {

namespace {

constexpr std::string_view k_blanks = " \t";
constexpr std::string_view k_name_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/// $NAME or ${NAME} at the front of the text, taken off it.
std::optional<std::string> take_variable(
    std::string_view& text, const std::vector<std::string>& env
) {
    text.remove_prefix(1);
    const bool braces = text.starts_with('{');
    text.remove_prefix(braces ? 1 : 0);
    const std::string_view name = text.substr(0, text.find_first_not_of(k_name_letters));
    text.remove_prefix(name.size());
    if (name.empty() || (braces && !text.starts_with('}'))) {
        return std::nullopt;
    }
    text.remove_prefix(braces ? 1 : 0);
    return find_env(env, name).value_or("");
}

/// One word of ENV, expanded; taken off the front.
std::optional<std::string> take_word(std::string_view& text, const std::vector<std::string>& env) {
    std::string word;
    char quote = 0;
    while (!text.empty() && (quote != 0 || k_blanks.find(text.front()) == std::string_view::npos)) {
        const char c = text.front();
        if (quote != '\'' && (c == '\\' || c == '\n' || c == '`')) {
            return std::nullopt;
        }
        if (c == '$' && quote != '\'') {
            const auto value = take_variable(text, env);
            if (!value) {
                return std::nullopt;
            }
            word += *value;
            continue;
        }
        const bool is_quote = quote == 0 ? c == '"' || c == '\'' : c == quote;
        if (is_quote) {
            quote = quote == 0 ? c : '\0';
        } else {
            word += c;
        }
        text.remove_prefix(1);
    }
    return quote == 0 ? std::optional(std::move(word)) : std::nullopt;
}

/// Names of variables that are taken away.
void apply_unset(std::string_view names, std::vector<std::string>& env) {
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find(' '));
        unset_env(env, name);
        names.remove_prefix(std::min(name.size() + 1, names.size()));
    }
}

/// All values see the environment before the instruction.
bool apply_env(std::string_view instruction, std::vector<std::string>& env) {
    if (instruction.starts_with(k_unset)) {
        apply_unset(instruction.substr(k_unset.size()), env);
        return true;
    }
    const std::vector<std::string> before = env;
    std::string_view text = instruction.substr(std::min<std::size_t>(3, instruction.size()));
    for (;;) {
        text.remove_prefix(std::min(text.find_first_not_of(k_blanks), text.size()));
        if (text.empty()) {
            return true;
        }
        const auto word = take_word(text, before);
        const std::size_t assign = word ? word->find('=') : std::string::npos;
        if (assign == std::string::npos || assign == 0) {
            return false;  // "ENV NAME value"
        }
        set_env(env, word->substr(0, assign), word->substr(assign + 1));
    }
}

}  // namespace

std::optional<std::vector<std::string>> replay_env(
    std::span<const std::string> instructions, std::vector<std::string> env
) {
    for (const std::string& instruction : instructions) {
        if (!apply_env(instruction, env)) {
            return std::nullopt;
        }
    }
    return env;
}

std::string carried_value(const CarriedValue& variable) {
    const std::string before = variable.before.value_or("");
    const std::string after = variable.after.value_or("");
    std::string value = variable.value;
    // The whole value is the old one: then the step wrote it, and it stays.
    if (before.empty() || before == after || before == value) {
        return value;
    }
    for (std::size_t at = value.find(before); at != std::string::npos;) {
        const std::size_t end = at + before.size();
        const bool begins = at == 0 || value[at - 1] == ':';
        const bool ends = end == value.size() || value[end] == ':';
        if (begins && ends) {
            value.replace(at, before.size(), after);
            at = value.find(before, at + after.size());
        } else {
            at = value.find(before, at + 1);
        }
    }
    return value;
}

}  // namespace kiln::oci
