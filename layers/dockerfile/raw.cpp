#include "layers/dockerfile/raw.hpp"

#include "layers/dockerfile/heredoc.hpp"
#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/quote.hpp"
#include "layers/dockerfile/unicode.hpp"
#include "layers/dockerfile/word_split.hpp"

#include <functional>

namespace kiln::dockerfile {
namespace {

/// A part of the line: what is still to be read of it.
struct Rest {
    const LogicalLine& line;
    char escape;
    std::size_t begin;
    std::size_t end;

    [[nodiscard]] std::string_view text() const {
        return std::string_view(line.text()).substr(begin, end - begin);
    }

    [[nodiscard]] Word word(const Slice& slice) const {
        return {slice.text, line.span(begin + slice.begin, begin + slice.end)};
    }

    [[nodiscard]] std::vector<Word> words(const std::vector<Slice>& slices) const {
        std::vector<Word> result;
        result.reserve(slices.size());
        for (const Slice& slice : slices) {
            result.push_back(word(slice));
        }
        return result;
    }

    [[nodiscard]] Word whole() const { return {std::string(text()), line.span(begin, end)}; }

    /// Without blanks at both ends.
    [[nodiscard]] Rest trimmed() const {
        const std::string_view all = text();
        const std::string_view right = trim_right(all);
        const std::string_view both = trim_left(right);
        return {line, escape, begin + (right.size() - both.size()), begin + right.size()};
    }

    [[nodiscard]] tl::unexpected<Error> refuse(const Slice& slice, std::string message) const {
        Error error{Code::invalid_input, std::move(message)};
        return fail(std::move(error).with_where(word(slice).span));
    }
};

Result<RawInstruction> read_instruction(const Rest& rest);

/// [..] of texts; nullopt when it is no JSON, which makes it a shell form or a list of words.
Result<bool> read_json(const Rest& rest, RawInstruction& into) {
    const JsonWords json = split_json(rest.text());
    if (json.kind == JsonWords::Kind::other_values) {
        return rest.refuse(json.culprit, "a JSON array here must hold texts only");
    }
    if (json.kind == JsonWords::Kind::not_json) {
        return false;
    }
    into.json = true;
    into.arguments = rest.words(json.words);
    return true;
}

Result<void> read_text(const Rest& rest, RawInstruction& into) {
    if (rest.begin != rest.end) {
        into.arguments.push_back(rest.whole());
    }
    return {};
}

Result<void> read_json_or_text(const Rest& rest, RawInstruction& into) {
    TRY_ASSIGN(const bool json, read_json(rest, into));
    return json ? Result<void>() : read_text(rest, into);
}

Result<void> read_list(const Rest& rest, RawInstruction& into) {
    into.arguments = rest.words(split_at_blanks(rest.text()));
    return {};
}

Result<void> read_json_or_list(const Rest& rest, RawInstruction& into) {
    TRY_ASSIGN(const bool json, read_json(rest, into));
    return json ? Result<void>() : read_list(rest, into);
}

Result<void> read_quoted_words(const Rest& rest, RawInstruction& into) {
    into.arguments = rest.words(split_quoted(rest.text(), rest.escape));
    return {};
}

/// `name=value name=value`, or `name value` where the first word has no '='.
Result<void> read_assignments(const Rest& rest, RawInstruction& into) {
    const auto words = split_quoted(rest.text(), rest.escape);
    if (words.empty()) {
        return {};
    }
    const auto add = [&](const Slice& name, const Slice& value, std::string separator) {
        into.arguments.push_back(rest.word(name));
        into.arguments.push_back(rest.word(value));
        into.arguments.push_back({std::move(separator), into.arguments.back().span});
    };
    if (words.front().text.find('=') == std::string::npos) {
        const auto parts = split_at_blanks(rest.text());
        if (parts.size() < 2) {
            const std::string keyword = upper(into.keyword.text);
            return rest.refuse(words.front(), keyword + " must have two arguments");
        }
        const std::size_t begin = parts[1].begin;
        const std::string value(rest.text().substr(begin));
        add(parts[0], {value, begin, begin + value.size()}, "");
        return {};
    }
    for (const Slice& word : words) {
        const std::size_t equals = word.text.find('=');
        if (equals == std::string::npos) {
            return rest.refuse(word, word.text + " has no =; the form is name=value");
        }
        const std::size_t middle = word.begin + equals;
        add({word.text.substr(0, equals), word.begin, middle},
            {word.text.substr(equals + 1), middle + 1, word.end},
            "=");
    }
    return {};
}

/// `CMD ["a"]`, `CMD a b`, `NONE`: a type, then what a command takes.
Result<void> read_healthcheck(const Rest& rest, RawInstruction& into) {
    const auto words = split_at_blanks(rest.text());
    if (words.empty()) {
        return {};
    }
    const Rest behind = Rest{rest.line, rest.escape, rest.begin + words[0].end, rest.end}.trimmed();
    TRY(read_json_or_text(behind, into));
    into.rest = behind.whole();
    into.arguments.insert(into.arguments.begin(), rest.word(words[0]));
    return {};
}

Result<void> read_trigger(const Rest& rest, RawInstruction& into) {
    if (rest.begin != rest.end) {
        TRY_ASSIGN(auto trigger, read_instruction(rest));
        into.trigger.push_back(std::move(trigger));
    }
    return {};
}

using Read = Result<void> (*)(const Rest&, RawInstruction&);

/// nullptr for an unknown keyword, whose arguments are of no interest.
Read reader_of(std::string_view keyword) {
    struct Row {
        std::string_view keyword;
        Read read;
    };

    static constexpr Row k_rows[] = {
        {"ADD", read_json_or_list},
        {"ARG", read_quoted_words},
        {"CMD", read_json_or_text},
        {"COPY", read_json_or_list},
        {"ENTRYPOINT", read_json_or_text},
        {"ENV", read_assignments},
        {"EXPOSE", read_list},
        {"FROM", read_list},
        {"HEALTHCHECK", read_healthcheck},
        {"LABEL", read_assignments},
        {"MAINTAINER", read_text},
        {"ONBUILD", read_trigger},
        {"RUN", read_json_or_text},
        {"SHELL", read_json_or_text},
        {"STOPSIGNAL", read_text},
        {"USER", read_text},
        {"VOLUME", read_json_or_list},
        {"WORKDIR", read_text},
    };
    for (const Row& row : k_rows) {
        if (row.keyword == keyword) {
            return row.read;
        }
    }
    return nullptr;
}

Result<RawInstruction> read_instruction(const Rest& whole) {
    const Rest rest = whole.trimmed();
    const auto first = split_at_blanks(rest.text(), 1);
    RawInstruction result;
    result.original = std::string(rest.text());
    result.keyword = rest.word(first.front());
    const Rest behind{rest.line, rest.escape, rest.begin + first.front().end, rest.end};
    const FlagWords flags = split_flags(behind.text());
    result.flags = behind.words(flags.flags);
    const Rest arguments =
        Rest{rest.line, rest.escape, behind.begin + flags.end, rest.end}.trimmed();
    result.rest = arguments.whole();
    if (const Read read = reader_of(upper(result.keyword.text))) {
        TRY(read(arguments, result));
    }
    if (result.arguments.size() > k_words || result.flags.size() > k_words) {
        Error error{
            Code::too_large, fmt::format("an instruction may have at most {} words", k_words)};
        return fail(std::move(error).with_where(result.keyword.span));
    }
    return result;
}

bool may_have_heredocs(const RawInstruction& instruction) {
    if (!instruction.trigger.empty()) {
        return may_have_heredocs(instruction.trigger.front());
    }
    const std::string keyword = upper(instruction.keyword.text);
    return !instruction.json && (keyword == "RUN" || keyword == "COPY" || keyword == "ADD");
}

}  // namespace

Result<RawReader> RawReader::open(std::string_view text, std::string file) {
    TRY_ASSIGN(Lexer lexer, Lexer::open(text, std::move(file)));
    return RawReader(std::move(lexer));
}

Result<std::optional<RawInstruction>> RawReader::next() {
    TRY_ASSIGN(const auto line, lexer_.next());
    if (!line) {
        return std::nullopt;
    }
    const Rest whole{*line, lexer_.directives().escape, 0, line->text().size()};
    TRY_ASSIGN(auto instruction, read_instruction(whole));
    if (may_have_heredocs(instruction)) {
        TRY_ASSIGN(instruction.heredocs, find_heredocs(*line));
        for (Heredoc& heredoc : instruction.heredocs) {
            TRY(lexer_.read_body(heredoc));
        }
    }
    instruction.end_line = lexer_.line();
    instruction.comments = line->comments;
    return instruction;
}

std::string render(const RawInstruction& instruction) {
    std::string result = "(" + lower(instruction.keyword.text);
    if (!instruction.flags.empty()) {
        result += " [";
        for (const Word& flag : instruction.flags) {
            result += &flag == &instruction.flags.front() ? "" : " ";
            result += quote(flag.text);
        }
        result += ']';
    }
    for (const RawInstruction& trigger : instruction.trigger) {
        result += ' ' + render(trigger);
    }
    for (const Word& argument : instruction.arguments) {
        result += ' ' + quote(argument.text);
    }
    return result + ')';
}

}  // namespace kiln::dockerfile
