// COPY, ADD, RUN and HEALTHCHECK: the instructions with flags.

#include "layers/dockerfile/duration.hpp"
#include "layers/dockerfile/flags.hpp"
#include "layers/dockerfile/heredoc.hpp"
#include "layers/dockerfile/interpret.hpp"
#include "layers/dockerfile/refusal.hpp"
#include "layers/dockerfile/unicode.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace kiln::dockerfile {
namespace {

/// Every word but the last is a source; a word that starts a heredoc is that file.
Result<Transfer> transfer(const RawInstruction& raw, const Flags& flags) {
    const std::string keyword = upper(raw.keyword.text);
    if (raw.arguments.size() < 2) {
        const Span& span = raw.arguments.empty() ? raw.keyword.span : raw.arguments[0].span;
        return refuse(
            span,
            keyword + " requires at least two arguments",
            "write " + keyword + " source... destination"
        );
    }
    Transfer result;
    auto heredoc = raw.heredocs.begin();
    for (const Word& word : raw.arguments) {
        const bool is_destination = &word == &raw.arguments.back();
        const auto parsed =
            raw.json ? Result<std::optional<Heredoc>>() : parse_heredoc_word(word.text);
        const bool is_heredoc = parsed && *parsed;
        if (is_destination && is_heredoc) {
            return refuse(word.span, keyword + " cannot accept a heredoc as a destination");
        }
        if (is_destination) {
            result.destination = word;
        } else if (is_heredoc && heredoc != raw.heredocs.end()) {
            result.sources.emplace_back(*heredoc++);
        } else {
            result.sources.emplace_back(word);
        }
    }
    // `<<"a b"` is a heredoc to a shell, but these words end at every blank.
    if (heredoc != raw.heredocs.end()) {
        return refuse(heredoc->span, "the name of a heredoc here cannot hold blanks");
    }
    result.chown = flags.value("chown");
    result.chmod = flags.value("chmod");
    result.link = flags.on_off("link");
    result.excludes = flags.values("exclude");
    return result;
}

/// The fields between the commas, read as CSV: "a,b" in double quotes is one.
Result<FieldsFlag> fields_of(const FlagValue& flag) {
    FieldsFlag result{{""}, flag.span};
    bool quoted = false;
    for (std::size_t at = 0; at < flag.text.size(); ++at) {
        const char c = flag.text[at];
        const bool doubled = c == '"' && at + 1 < flag.text.size() && flag.text[at + 1] == '"';
        if (quoted && doubled) {
            result.fields.back() += c;
            ++at;
        } else if (quoted && c == '"') {
            quoted = false;
            if (at + 1 < flag.text.size() && flag.text[at + 1] != ',') {
                return refuse(flag.span, "a quoted field must end at a comma");
            }
        } else if (!quoted && c == '"') {
            if (!result.fields.back().empty()) {
                return refuse(flag.span, "a quote stands inside a field that is not quoted");
            }
            quoted = true;
        } else if (!quoted && c == ',') {
            result.fields.emplace_back();
        } else {
            result.fields.back() += c;
        }
    }
    if (quoted) {
        return refuse(flag.span, "a quoted field is not closed");
    }
    return result;
}

Result<std::vector<FieldsFlag>> fields_of_all(const std::vector<FlagValue>& flags) {
    std::vector<FieldsFlag> result;
    for (const FlagValue& flag : flags) {
        TRY_ASSIGN(auto fields, fields_of(flag));
        result.push_back(std::move(fields));
    }
    return result;
}

/// `from` decides which stages are built, before any variable of the stage is known.
Result<void> check_mount(const FieldsFlag& mount) {
    for (const std::string& field : mount.fields) {
        const std::size_t equals = field.find('=');
        const std::size_t dollar = field.find('$');
        const bool from = equals != std::string::npos && lower(field.substr(0, equals)) == "from";
        if (from && dollar != std::string::npos && dollar + 1 < field.size()) {
            return refuse(
                mount.span,
                "from= of --mount cannot hold a variable",
                "name a stage: FROM $IMAGE AS name, then from=name"
            );
        }
    }
    return {};
}

Result<void> check_one_of(
    const std::optional<FlagValue>& flag, std::initializer_list<std::string_view> values
) {
    if (!flag || std::find(values.begin(), values.end(), flag->text) != values.end()) {
        return {};
    }
    std::string list;
    for (const std::string_view value : values) {
        list += list.empty() ? "" : value == *(values.end() - 1) ? " or " : ", ";
        list += value;
    }
    return refuse(flag->span, fmt::format("{} is not {}", flag->text, list));
}

Result<Healthcheck::Duration> interval(const Flags& flags, std::string_view name) {
    const auto flag = flags.value(name);
    if (!flag || flag->text.empty()) {
        return Healthcheck::Duration(0);
    }
    auto duration = parse_duration(flag->text);
    if (!duration) {
        return fail(std::move(duration).error().with_where(flag->span));
    }
    if (*duration > Healthcheck::Duration(0) && *duration < std::chrono::milliseconds(1)) {
        return refuse(flag->span, fmt::format("--{} cannot be less than 1ms", name));
    }
    return *duration;
}

Result<std::int32_t> retries(const Flags& flags) {
    const auto flag = flags.value("retries");
    std::int32_t number = 0;
    if (!flag || flag->text.empty()) {
        return number;
    }
    const char* end = flag->text.data() + flag->text.size();
    const auto [stopped, error] = std::from_chars(flag->text.data(), end, number);
    if (error != std::errc() || stopped != end || number < 0) {
        return refuse(flag->span, "--retries must be a number from 0 on");
    }
    return number;
}

}  // namespace

Result<Copy> interpret_copy(const RawInstruction& raw) {
    static constexpr std::array k_flags = {
        FlagRule{"from", FlagKind::value},
        FlagRule{"chown", FlagKind::value},
        FlagRule{"chmod", FlagKind::value},
        FlagRule{"link", FlagKind::on_off},
        FlagRule{"parents", FlagKind::on_off},
        FlagRule{"exclude", FlagKind::values},
    };
    TRY_ASSIGN(const Flags flags, Flags::read(raw, k_flags));
    TRY_ASSIGN(Transfer files, transfer(raw, flags));
    return Copy{std::move(files), flags.value("from"), flags.on_off("parents")};
}

Result<Add> interpret_add(const RawInstruction& raw) {
    static constexpr std::array k_flags = {
        FlagRule{"chown", FlagKind::value},
        FlagRule{"chmod", FlagKind::value},
        FlagRule{"link", FlagKind::on_off},
        FlagRule{"exclude", FlagKind::values},
        FlagRule{"checksum", FlagKind::value},
        FlagRule{"keep-git-dir", FlagKind::on_off},
        FlagRule{"unpack", FlagKind::on_off},
    };
    TRY_ASSIGN(const Flags flags, Flags::read(raw, k_flags));
    TRY_ASSIGN(Transfer files, transfer(raw, flags));
    return Add{
        std::move(files),
        flags.value("checksum"),
        flags.on_off("keep-git-dir"),
        flags.on_off("unpack")};
}

Result<Run> interpret_run(const RawInstruction& raw) {
    static constexpr std::array k_flags = {
        FlagRule{"mount", FlagKind::values},
        FlagRule{"network", FlagKind::value},
        FlagRule{"security", FlagKind::value},
        FlagRule{"device", FlagKind::values},
    };
    TRY_ASSIGN(const Flags flags, Flags::read(raw, k_flags));
    Run run;
    run.command = command_line(raw);
    if (run.command.words.empty()) {
        return refuse(raw.keyword.span, "RUN requires a command");
    }
    run.heredocs = raw.heredocs;
    TRY_ASSIGN(run.mounts, fields_of_all(flags.values("mount")));
    TRY_ASSIGN(run.devices, fields_of_all(flags.values("device")));
    for (const FieldsFlag& mount : run.mounts) {
        TRY(check_mount(mount));
    }
    run.network = flags.value("network");
    run.security = flags.value("security");
    TRY(check_one_of(run.network, {"default", "none", "host"}));
    TRY(check_one_of(run.security, {"sandbox", "insecure"}));
    return run;
}

Result<Healthcheck> interpret_healthcheck(const RawInstruction& raw) {
    static constexpr std::array k_flags = {
        FlagRule{"interval", FlagKind::value},
        FlagRule{"timeout", FlagKind::value},
        FlagRule{"start-period", FlagKind::value},
        FlagRule{"start-interval", FlagKind::value},
        FlagRule{"retries", FlagKind::value},
    };
    if (raw.arguments.empty()) {
        return refuse(raw.keyword.span, "HEALTHCHECK requires at least one argument");
    }
    const Word& type = raw.arguments.front();
    RawInstruction command = raw;
    command.arguments.erase(command.arguments.begin());
    Healthcheck result;
    result.none = upper(type.text) == "NONE";
    if (result.none && !(command.arguments.empty() && raw.flags.empty())) {
        return refuse(type.span, "HEALTHCHECK NONE takes no arguments");
    }
    if (result.none) {
        return result;
    }
    TRY_ASSIGN(const Flags flags, Flags::read(raw, k_flags));
    if (upper(type.text) != "CMD") {
        return refuse(
            type.span, "unknown type " + type.text + " of HEALTHCHECK", "try CMD or NONE"
        );
    }
    result.command = command_line(command);
    if (result.command.words.empty()) {
        return refuse(type.span, "a command is missing after HEALTHCHECK CMD");
    }
    TRY_ASSIGN(result.interval, interval(flags, "interval"));
    TRY_ASSIGN(result.timeout, interval(flags, "timeout"));
    TRY_ASSIGN(result.start_period, interval(flags, "start-period"));
    TRY_ASSIGN(result.start_interval, interval(flags, "start-interval"));
    TRY_ASSIGN(result.retries, retries(flags));
    return result;
}

}  // namespace kiln::dockerfile
