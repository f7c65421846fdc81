#pragma once

#include "layers/dockerfile/raw.hpp"

namespace kiln::dockerfile {

/// From the words of an instruction to what it says. Errors carry the place of the word or flag.
Result<Instruction> interpret(RawInstruction raw);
Result<Stage> interpret_from(RawInstruction raw);

/// COPY and ADD have more to say than the others; they and the others with flags are in
/// interpret_flagged.cpp.
Result<Copy> interpret_copy(const RawInstruction& raw);
Result<Add> interpret_add(const RawInstruction& raw);
Result<Run> interpret_run(const RawInstruction& raw);
Result<Healthcheck> interpret_healthcheck(const RawInstruction& raw);

CommandLine command_line(const RawInstruction& raw);

}  // namespace kiln::dockerfile
