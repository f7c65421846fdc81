#include "layers/dockerfile/interpret.hpp"

#include "layers/dockerfile/flags.hpp"
#include "layers/dockerfile/nearest.hpp"
#include "layers/dockerfile/refusal.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <algorithm>
#include <array>

namespace kiln::dockerfile {
namespace {

constexpr std::array<std::string_view, 18> k_keywords = {
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
};

std::string keyword_of(const RawInstruction& raw) {
    return upper(raw.keyword.text);
}

Result<void> no_flags(const RawInstruction& raw) {
    TRY(Flags::read(raw, {}));
    return {};
}

Result<Word> one_argument(const RawInstruction& raw) {
    TRY(no_flags(raw));
    if (raw.arguments.size() != 1) {
        return refuse(raw.keyword.span, keyword_of(raw) + " requires exactly one argument");
    }
    return raw.arguments.front();
}

Result<void> some_arguments(const RawInstruction& raw) {
    TRY(no_flags(raw));
    if (raw.arguments.empty()) {
        return refuse(raw.keyword.span, keyword_of(raw) + " requires at least one argument");
    }
    return {};
}

Result<std::vector<Assignment>> assignments(const RawInstruction& raw) {
    TRY(some_arguments(raw));
    std::vector<Assignment> result;
    for (std::size_t i = 0; i + 2 < raw.arguments.size(); i += 3) {
        const Word& name = raw.arguments[i];
        if (name.text.empty()) {
            return refuse(raw.arguments[i + 1].span, keyword_of(raw) + " names cannot be blank");
        }
        result.push_back({name, raw.arguments[i + 1], raw.arguments[i + 2].text.empty()});
    }
    return result;
}

Result<Action> arg(const RawInstruction& raw) {
    TRY(some_arguments(raw));
    Arg result;
    for (const Word& word : raw.arguments) {
        const std::size_t equals = word.text.find('=');
        if (equals == 0) {
            return refuse(word.span, "ARG names cannot be blank");
        }
        if (equals == std::string::npos) {
            result.variables.push_back({word, std::nullopt});
            continue;
        }
        Span name = word.span;
        Span value = word.span;
        name.end_column = name.column + static_cast<std::uint32_t>(equals);
        value.column = std::min(name.end_column + 1, value.end_column);
        result.variables.push_back(
            {Word{word.text.substr(0, equals), name}, Word{word.text.substr(equals + 1), value}}
        );
    }
    return result;
}

Result<Action> env(const RawInstruction& raw) {
    TRY_ASSIGN(auto variables, assignments(raw));
    return Env{std::move(variables)};
}

Result<Action> label(const RawInstruction& raw) {
    TRY_ASSIGN(auto labels, assignments(raw));
    return Label{std::move(labels)};
}

Result<Action> cmd(const RawInstruction& raw) {
    TRY(no_flags(raw));
    return Cmd{command_line(raw)};
}

Result<Action> entrypoint(const RawInstruction& raw) {
    TRY(no_flags(raw));
    return Entrypoint{command_line(raw)};
}

Result<Action> expose(const RawInstruction& raw) {
    TRY(some_arguments(raw));
    return Expose{raw.arguments};
}

Result<Action> volume(const RawInstruction& raw) {
    TRY(some_arguments(raw));
    for (const Word& path : raw.arguments) {
        if (trim(path.text).empty()) {
            return refuse(path.span, "a VOLUME cannot be an empty text");
        }
    }
    return Volume{raw.arguments};
}

Result<Action> user(const RawInstruction& raw) {
    TRY_ASSIGN(auto word, one_argument(raw));
    return User{std::move(word)};
}

Result<Action> workdir(const RawInstruction& raw) {
    TRY_ASSIGN(auto word, one_argument(raw));
    return Workdir{std::move(word)};
}

Result<Action> stop_signal(const RawInstruction& raw) {
    TRY_ASSIGN(auto word, one_argument(raw));
    return StopSignal{std::move(word)};
}

Result<Action> maintainer(const RawInstruction& raw) {
    TRY_ASSIGN(auto word, one_argument(raw));
    return Maintainer{std::move(word)};
}

Result<Action> shell(const RawInstruction& raw) {
    TRY(some_arguments(raw));
    if (!raw.json) {
        return refuse(
            raw.rest.span,
            "SHELL requires the arguments to be in JSON form",
            "write SHELL [\"/bin/sh\", \"-c\"]"
        );
    }
    return Shell{command_line(raw).words};
}

Result<Action> onbuild(const RawInstruction& raw) {
    TRY(no_flags(raw));
    if (raw.trigger.empty()) {
        return refuse(raw.keyword.span, "ONBUILD requires at least one argument");
    }
    RawInstruction trigger = raw.trigger.front();
    const std::string keyword = keyword_of(trigger);
    if (keyword == "ONBUILD") {
        return refuse(trigger.keyword.span, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    }
    if (keyword == "FROM" || keyword == "MAINTAINER") {
        return refuse(trigger.keyword.span, keyword + " isn't allowed as an ONBUILD trigger");
    }
    std::string text = trigger.original;
    for (const Heredoc& heredoc : raw.heredocs) {
        text += '\n' + heredoc.body + heredoc.name;
    }
    trigger.heredocs = raw.heredocs;
    TRY(interpret(std::move(trigger)));
    return Onbuild{std::move(text)};
}

/// The four that have a file of their own give their own type.
template<auto Interpret>
Result<Action> as_action(const RawInstruction& raw) {
    TRY_ASSIGN(auto result, Interpret(raw));
    return Action(std::move(result));
}

using Interpreter = Result<Action> (*)(const RawInstruction&);

Interpreter interpreter_of(std::string_view keyword) {
    struct Row {
        std::string_view keyword;
        Interpreter interpreter;
    };

    static constexpr Row k_rows[] = {
        {"ADD", as_action<interpret_add>},
        {"ARG", arg},
        {"CMD", cmd},
        {"COPY", as_action<interpret_copy>},
        {"ENTRYPOINT", entrypoint},
        {"ENV", env},
        {"EXPOSE", expose},
        {"HEALTHCHECK", as_action<interpret_healthcheck>},
        {"LABEL", label},
        {"MAINTAINER", maintainer},
        {"ONBUILD", onbuild},
        {"RUN", as_action<interpret_run>},
        {"SHELL", shell},
        {"STOPSIGNAL", stop_signal},
        {"USER", user},
        {"VOLUME", volume},
        {"WORKDIR", workdir},
    };
    for (const Row& row : k_rows) {
        if (row.keyword == keyword) {
            return row.interpreter;
        }
    }
    return nullptr;
}

/// JSON can say "\u0000", and no argument, path or value can hold it.
Result<void> refuse_nul(const RawInstruction& raw) {
    for (const Word& word : raw.arguments) {
        if (word.text.find('\0') != std::string::npos) {
            return refuse(word.span, "the text holds a NUL character");
        }
    }
    return {};
}

bool is_stage_name(std::string_view name) {
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    return !name.empty() && is_lower(name.front())
           && std::all_of(name.begin(), name.end(), [&](char c) {
                  return is_lower(c) || is_digit(static_cast<unsigned char>(c)) || c == '-'
                         || c == '_' || c == '.';
              });
}

}  // namespace

Result<Instruction> interpret(RawInstruction raw) {
    Instruction result;
    result.keyword = keyword_of(raw);
    const Interpreter interpreter = interpreter_of(result.keyword);
    if (interpreter == nullptr) {
        return refuse(
            raw.keyword.span,
            "unknown instruction: " + raw.keyword.text,
            did_you_mean(raw.keyword.text, k_keywords)
        );
    }
    TRY(refuse_nul(raw));
    TRY_ASSIGN(result.action, interpreter(raw));
    result.original = std::move(raw.original);
    result.span = raw.keyword.span;
    result.end_line = raw.end_line;
    result.comments = std::move(raw.comments);
    return result;
}

Result<Stage> interpret_from(RawInstruction raw) {
    static constexpr std::array k_flags = {FlagRule{"platform", FlagKind::value}};
    TRY_ASSIGN(const Flags flags, Flags::read(raw, k_flags));
    const std::vector<Word>& words = raw.arguments;
    const bool named = words.size() == 3 && lower(words[1].text) == "as";
    if (words.size() != 1 && !named) {
        return refuse(
            raw.keyword.span,
            "FROM requires either one or three arguments",
            "write FROM image, or FROM image AS name"
        );
    }
    Stage stage;
    stage.image = words.front();
    if (named) {
        stage.name = Word{lower(words[2].text), words[2].span};
        if (!is_stage_name(stage.name->text)) {
            return refuse(
                words[2].span,
                words[2].text + " is not a name for a stage",
                "a name begins with a letter, then come letters, digits, '-', '_' and '.'"
            );
        }
    }
    stage.platform = flags.value("platform");
    stage.original = std::move(raw.original);
    stage.span = raw.keyword.span;
    stage.end_line = raw.end_line;
    stage.comments = std::move(raw.comments);
    return stage;
}

CommandLine command_line(const RawInstruction& raw) {
    CommandLine result;
    result.form = raw.json ? Form::exec : Form::shell;
    result.span = raw.rest.span;
    for (const Word& word : raw.arguments) {
        result.words.push_back(word.text);
    }
    return result;
}

}  // namespace kiln::dockerfile
