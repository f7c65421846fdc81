#pragma once

#include "layers/dockerfile/instruction.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What a Dockerfile says, typed and placed. What a build cannot do yet is refused by the planner,
/// by name (unsupported()), with the span kept here.
namespace kiln::dockerfile {

struct Stage {
    Word image;                // an image, an earlier stage, or `scratch`
    std::optional<Word> name;  // lower case
    std::optional<FlagValue> platform;
    std::vector<Instruction> instructions;
    std::string original;               // "FROM debian AS base"
    Span span;                          // the keyword FROM
    std::uint32_t end_line = 0;         // of the FROM itself
    std::vector<std::string> comments;  // the comment lines directly above
};

/// The comments that parsers read: `# syntax=`, `# escape=`, `# check=`.
struct Directives {
    char escape = '\\';  // or '`'
    std::optional<Word> escape_written;
    std::optional<Word> syntax;
    std::optional<Word> check;
};

/// Something allowed that the author probably did not mean.
struct Warning {
    std::string rule;  // as other builders name it: "NoEmptyContinuation"
    std::string message;
    Span span;
};

struct Dockerfile {
    Directives directives;
    std::vector<Instruction> global_args;  // the ARGs before the first FROM
    std::vector<Stage> stages;             // at least one
    std::vector<Warning> warnings;         // in the order of the text
};

/// The tree as indented text with the places of instructions and flags: for golden files.
std::string render(const Dockerfile& dockerfile);

}  // namespace kiln::dockerfile
