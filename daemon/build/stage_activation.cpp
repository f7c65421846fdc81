#include "daemon/build/stage_activation.hpp"

namespace kiln::daemon {

std::set<std::string, std::less<>> names_set_by_env(
    std::span<const dockerfile::Instruction> instructions, const std::string& prefix
) {
    std::set<std::string, std::less<>> names;
    for (const dockerfile::Instruction& instruction : instructions) {
        const auto* env = std::get_if<dockerfile::Env>(&instruction.action);
        if (env == nullptr) {
            continue;
        }
        for (const dockerfile::Assignment& each : env->variables) {
            const bool counts = each.name.text != "PATH"
                                || each.value.text.find(prefix + "/bin") != std::string::npos;
            if (counts) {
                names.insert(each.name.text);
            }
        }
    }
    return names;
}

void activate(Stage& stage, std::size_t id, const Activations& activations) {
    const auto known = activations.find(id);
    if (known == activations.end()) {
        stage.open = true;
        return;
    }
    std::vector<std::string>& environment = stage.config.config.env;
    environment = activated(std::move(environment), known->second);
}

bool is_whole_environment(const CopyStep& copy) {
    return std::holds_alternative<CondaOrigin>(copy.origin) && copy.link && copy.destination == "/"
           && copy.sources.size() == 1 && copy.sources.front().path.empty()
           && copy.inline_files.empty() && !copy.owner && !copy.mode && copy.excludes.empty();
}

bool takes_up_variables(const dockerfile::Instruction& instruction) {
    return instruction.original.find('$') != std::string::npos;
}

bool depends_on_nothing_set(const dockerfile::Instruction& instruction, const Step& step) {
    const auto* copy = std::get_if<CopyStep>(&step.action);
    if (copy == nullptr || is_whole_environment(*copy) || !copy->inline_files.empty()
        || takes_up_variables(instruction)) {
        return false;
    }
    const auto* written = std::get_if<dockerfile::Copy>(&instruction.action);
    const dockerfile::Transfer& files =
        written != nullptr ? written->files : std::get<dockerfile::Add>(instruction.action).files;
    return files.destination.text.starts_with('/');
}

Action placeholder_of(const dockerfile::Instruction& instruction) {
    if (std::holds_alternative<dockerfile::Run>(instruction.action)) {
        return RunStep();
    }
    if (std::holds_alternative<dockerfile::Workdir>(instruction.action)) {
        return WorkdirStep();
    }
    const bool files = std::holds_alternative<dockerfile::Copy>(instruction.action)
                       || std::holds_alternative<dockerfile::Add>(instruction.action);
    return files ? Action(CopyStep()) : Action(ConfigStep());
}

}  // namespace kiln::daemon
