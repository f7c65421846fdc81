#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

/// One source file of ours, as tidy_test reads it.
struct SourceText {
    SourceText(std::string its_path, std::string its_text);

    std::string path;  // from the top of the repository
    std::string text;
    std::string code;  // code_of(text)
};

/// A rule that does not hold, and where.
struct Offence {
    std::string path;
    std::size_t line = 0;  // from 1; 0 for the file as a whole
    std::string what;

    [[nodiscard]] std::string render() const;
};

using Offences = std::vector<Offence>;

/// The text with comments, strings and character literals blanked: same length, same lines.
std::string code_of(std::string_view text);

/// Without the blanks before it.
std::string_view trimmed(std::string_view text);
std::vector<std::string_view> lines_of(std::string_view text);
std::size_t line_at(std::string_view text, std::size_t offset);

struct Include {
    std::string path;
    std::size_t line = 0;
    bool angled = false;  // <…>
};

std::vector<Include> includes_of(std::string_view text);

/// A function body: the lines of its braces, and what stands before them.
struct FunctionBody {
    std::string head;
    std::size_t first_line = 0;
    std::size_t last_line = 0;
};

/// Found by their braces in blanked code, outside of other functions.
std::vector<FunctionBody> functions_of(std::string_view code);

}  // namespace kiln::testing
