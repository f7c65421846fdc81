#pragma once

#include "daemon/build/graph.hpp"
#include "layers/dockerfile/instruction.hpp"

#include <functional>
#include <set>
#include <span>
#include <string>

namespace kiln::daemon {

/// Names that ENV instructions set. PATH counts where it takes up the programs below `prefix`: an
/// ENV that adds another directory to it says nothing of them.
std::set<std::string, std::less<>> names_set_by_env(
    std::span<const dockerfile::Instruction> instructions, const std::string& prefix
);

/// Sets into the config what the environment that step `id` lays down does there, or opens the
/// stage where that is not known yet.
void activate(Stage& stage, std::size_t id, const Activations& activations);

/// Whether any word of it may come out otherwise when variables do.
bool takes_up_variables(const dockerfile::Instruction& instruction);

/// Whether a step is the same whatever is set in its stage: a COPY without variables to a place
/// that is not relative to the working directory.
bool depends_on_nothing_set(const dockerfile::Instruction& instruction, const Step& step);

/// For an instruction that can't be planned yet: of its kind, for who counts layers.
Action placeholder_of(const dockerfile::Instruction& instruction);

}  // namespace kiln::daemon
