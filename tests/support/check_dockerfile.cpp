#include "tests/support/check_dockerfile.hpp"

#include "layers/dockerfile/expand.hpp"
#include "layers/dockerfile/mode.hpp"
#include "layers/dockerfile/mount.hpp"
#include "layers/dockerfile/owner.hpp"
#include "layers/dockerfile/parser.hpp"
#include "layers/dockerfile/port.hpp"
#include "layers/dockerfile/raw.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln {
namespace {

using namespace dockerfile;

/// The lengths of the lines of a text; lines count from 1.
class Lines {
  public:
    explicit Lines(std::string_view text) {
        // A mark of the byte order is no column.
        text.remove_prefix(text.starts_with("\xEF\xBB\xBF") ? 3 : 0);
        for (std::size_t begin = 0; begin <= text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            lengths_.push_back(end - begin);
            begin = end + 1;
        }
    }

    void check(const Span& span) const {
        ASSERT(span.line >= 1 && span.line <= lengths_.size());
        ASSERT(span.column >= 1 && span.column <= span.end_column);
        ASSERT(span.end_column <= lengths_[span.line - 1] + 1);
    }

  private:
    std::vector<std::size_t> lengths_;
};

std::optional<std::string> lookup(std::string_view name) {
    return name.size() % 2 == 0 ? std::nullopt : std::optional<std::string>("a b*/c");
}

void check_value(const std::string& text, char escape) {
    const auto expanded = expand(text, lookup, {.escape = escape});
    ASSERT(expanded || !expanded.error().message.empty());
    static_cast<void>(FileMode::parse(text));
    static_cast<void>(Owner::parse(text));
    static_cast<void>(parse_ports(text));
}

void check_instruction(const RawInstruction& raw, const Lines& lines, char escape) {
    lines.check(raw.keyword.span);
    lines.check(raw.rest.span);
    for (const auto* words : {&raw.flags, &raw.arguments}) {
        for (const Word& word : *words) {
            lines.check(word.span);
            check_value(word.text, escape);
        }
    }
    for (const Heredoc& heredoc : raw.heredocs) {
        lines.check(heredoc.span);
        static_cast<void>(expand_body(heredoc, lookup));
    }
    for (const RawInstruction& trigger : raw.trigger) {
        check_instruction(trigger, lines, escape);
    }
}

struct Reading {
    std::string text;   // written again, one line for each instruction
    std::string trees;  // what it says
};

std::optional<Reading> read(std::string_view text) {
    auto reader = RawReader::open(text, "Dockerfile");
    if (!reader) {
        return std::nullopt;
    }
    const Lines lines(text);
    const char escape = reader->lexer().directives().escape;
    Reading reading{std::string("# escape=") + escape + "\n", ""};
    while (true) {
        const auto raw = reader->next();
        if (!raw) {
            ASSERT(raw.error().where.has_value());
            lines.check(*raw.error().where);
            return std::nullopt;
        }
        if (!*raw) {
            return reading;
        }
        check_instruction(**raw, lines, escape);
        // An escape at the very end would join the next line when written again.
        if ((*raw)->original.ends_with(escape)) {
            return std::nullopt;
        }
        reading.trees += render(**raw) + '\n';
        reading.text += (*raw)->original + '\n';
        for (const Heredoc& heredoc : (*raw)->heredocs) {
            reading.text += heredoc.body + heredoc.name + '\n';
        }
    }
}

void check_mounts(const Dockerfile& file) {
    for (const Stage& stage : file.stages) {
        for (const Instruction& instruction : stage.instructions) {
            if (const auto* run = std::get_if<Run>(&instruction.action)) {
                for (const FieldsFlag& mount : run->mounts) {
                    static_cast<void>(parse_mount(mount, lookup, file.directives.escape));
                }
            }
        }
    }
}

}  // namespace

void check_dockerfile(std::string_view text) {
    if (const auto first = read(text)) {
        const auto second = read(first->text);
        ASSERT(second.has_value());
        ASSERT(first->trees == second->trees);
    }
    const auto file = parse(text, "Dockerfile");
    if (!file) {
        if (file.error().where) {
            Lines(text).check(*file.error().where);
        }
        return;
    }
    ASSERT(!render(*file).empty());
    check_mounts(*file);
}

}  // namespace kiln
