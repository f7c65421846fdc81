#pragma once

#include "layers/dockerfile/lexer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// An instruction split as its kind asks for, its meaning not looked at: between text and tree.
struct RawInstruction {
    Word keyword;                 // as written
    std::vector<Word> flags;      // "--from=base", quotes gone
    std::vector<Word> arguments;  // ENV and LABEL: name, value, "=" (or "" for `ENV name value`)
    bool json = false;            // the arguments were a JSON array
    Word rest;                    // all behind the flags
    std::vector<RawInstruction> trigger;  // ONBUILD: one
    std::vector<Heredoc> heredocs;
    std::string original;
    std::uint32_t end_line = 0;
    std::vector<std::string> comments;
};

/// Reads a file instruction by instruction. `text` outlives the reader.
class RawReader {
  public:
    static Result<RawReader> open(std::string_view text, std::string file);

    /// The next instruction; nullopt at the end.
    Result<std::optional<RawInstruction>> next();

    [[nodiscard]] Lexer& lexer() { return lexer_; }

  private:
    explicit RawReader(Lexer lexer)
        : lexer_(std::move(lexer)) {}

    Lexer lexer_;
};

/// One line for each instruction, as an s-expression: (copy ["--from=a"] "b" "/c"). The form that
/// BuildKit's parser tests are written in.
std::string render(const RawInstruction& instruction);

}  // namespace kiln::dockerfile
