#include "layers/dockerfile/flags.hpp"

#include "layers/dockerfile/nearest.hpp"
#include "layers/dockerfile/refusal.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <algorithm>

namespace kiln::dockerfile {
namespace {

std::string hint_for(std::string_view name, std::span<const FlagRule> rules) {
    std::vector<std::string_view> names;
    for (const FlagRule& rule : rules) {
        names.push_back(rule.name);
    }
    return did_you_mean(name, names, "--");
}

}  // namespace

Result<Flags> Flags::read(const RawInstruction& instruction, std::span<const FlagRule> rules) {
    Flags result;
    const std::string keyword = upper(instruction.keyword.text);
    for (const Word& word : instruction.flags) {
        const std::size_t equals = word.text.find('=');
        const bool has_value = equals != std::string::npos;
        const std::string name = word.text.substr(2, has_value ? equals - 2 : equals);
        std::string value = has_value ? word.text.substr(equals + 1) : "";
        const auto rule = std::find_if(rules.begin(), rules.end(), [&](const FlagRule& candidate) {
            return candidate.name == name;
        });
        if (rule == rules.end()) {
            return refuse(
                word.span, fmt::format("{} has no flag --{}", keyword, name), hint_for(name, rules)
            );
        }
        if (rule->kind != FlagKind::values && result.value(name)) {
            return refuse(word.span, fmt::format("--{} is given twice", name));
        }
        if (rule->kind == FlagKind::on_off) {
            value = has_value ? lower(value) : "true";
            if (value != "true" && value != "false") {
                return refuse(word.span, fmt::format("--{} is either true or false", name));
            }
        } else if (!has_value) {
            return refuse(word.span, fmt::format("--{} needs a value: --{}=...", name, name));
        }
        result.flags_.push_back({name, {std::move(value), word.span}});
    }
    return result;
}

std::optional<FlagValue> Flags::value(std::string_view name) const {
    for (const Flag& flag : flags_) {
        if (flag.name == name) {
            return flag.value;
        }
    }
    return std::nullopt;
}

std::vector<FlagValue> Flags::values(std::string_view name) const {
    std::vector<FlagValue> found;
    for (const Flag& flag : flags_) {
        if (flag.name == name) {
            found.push_back(flag.value);
        }
    }
    return found;
}

std::optional<Switch> Flags::on_off(std::string_view name) const {
    const auto found = value(name);
    return found ? std::optional(Switch{found->text == "true", found->span}) : std::nullopt;
}

}  // namespace kiln::dockerfile
