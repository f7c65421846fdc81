#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The small parts that instructions are made of. Texts are unexpanded unless said otherwise.
namespace kiln::dockerfile {

/// A word as written: quotes, escapes and variables are still in it (see expand.hpp).
struct Word {
    std::string text;
    Span span;
};

/// --link, --link=false. An absent flag is std::nullopt.
struct Switch {
    bool on = true;
    Span span;  // the whole flag
};

/// --name=value; the value's variables are unexpanded, its quotes are gone.
struct FlagValue {
    std::string text;
    Span span;  // the whole flag
};

/// --mount=type=cache,target=/x or --device=name,required: its fields, between the commas. Any
/// value may hold a variable, so the meaning is read when those are known (see mount.hpp).
struct FieldsFlag {
    std::vector<std::string> fields;
    Span span;  // the whole flag
};

/// `<<NAME` and the lines below the instruction that belong to it.
struct Heredoc {
    std::string name;
    std::string body;                   // as written, every line with its end; see text()
    bool expand = true;                 // false when a part of the name was quoted
    bool strip_tabs = false;            // `<<-`
    std::uint32_t file_descriptor = 0;  // `3<<NAME`; 0 when none is written
    Span span;                          // the word
    std::uint32_t body_line = 0;        // the first line of the body

    /// The body, without leading tabs where `<<-` says so.
    [[nodiscard]] std::string text() const;
};

enum class Form : std::uint8_t { shell, exec };

/// `CMD a b` (shell: one text, or none) or `CMD ["a", "b"]` (exec: the words as JSON means them).
/// What begins like JSON and is none is a shell form, as everywhere.
struct CommandLine {
    Form form = Form::shell;
    std::vector<std::string> words;
    Span span;
};

/// name=value.
struct Assignment {
    Word name;
    Word value;
    bool legacy = false;  // `ENV name value`
};

/// The refusal of something the language has and this build does not: "RUN --mount is not
/// supported", with its place.
Error unsupported(const Span& span, std::string_view feature);

}  // namespace kiln::dockerfile
