#include "client/command_line.hpp"

#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace kiln::client {
namespace {

/// Commands of the contract that are not there yet: named, so that nobody searches for a typo.
constexpr std::array<std::string_view, 1> k_later = {"daemon"};

constexpr std::string_view k_footer =
    "Every command has its own help: kiln COMMAND --help.\n"
    "kiln speaks to kilnd over a Unix socket; --host or KILN_HOST name another.";

/// Where the command stands: behind the global options, two of which have a value.
std::size_t command_index(const std::vector<std::string>& words) {
    std::size_t at = 0;
    while (at < words.size() && words[at].starts_with('-')) {
        at += words[at] == "--host" || words[at] == "--progress" ? 2U : 1U;
    }
    return std::min(at, words.size());
}

Result<void> refuse_later_commands(const std::string& command) {
    if (std::find(k_later.begin(), k_later.end(), command) != k_later.end()) {
        return fail(Code::unsupported, "kiln {} is not supported yet", command);
    }
    return {};
}

/// What stands behind the first "--" of a run belongs to its command, word for word; CLI11 would
/// look for options in it.
std::vector<std::string> take_words_of_run(std::vector<std::string>& words) {
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(command_index(words));
    const auto dashes = std::find(begin, words.end(), "--");
    if (begin == words.end() || *begin != "run" || dashes == words.end()) {
        return {};
    }
    std::vector<std::string> taken(dashes + 1, words.end());
    words.erase(dashes, words.end());
    return taken;
}

/// CLI11's layout without what only its author needs to see.
class Formatter final : public CLI::Formatter {
  public:
    Formatter() {
        column_width(30);
        label("REQUIRED", "");
        label("SUBCOMMAND", "COMMAND");
    }

    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        std::string name = CLI::Formatter::make_option_name(option, is_positional);
        // A flag that may have a value: "--pull{always}" says what it is without one.
        if (const std::size_t brace = name.find('{'); brace != std::string::npos) {
            name.replace(brace, std::string::npos, "[=MODE]");
        }
        return name;
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        std::string text = CLI::Formatter::make_option_opts(option);
        // That an option may be repeated is no reason to push its description to the next line.
        if (const std::size_t dots = text.rfind(" ..."); dots != std::string::npos) {
            text.erase(dots);
        }
        return text;
    }
};

/// One empty line between the parts, none with blanks in it.
std::string tidy(std::string_view help) {
    std::string text;
    std::size_t empty_lines = 0;
    while (!help.empty()) {
        const std::size_t end = std::min(help.find('\n'), help.size());
        std::string line(help.substr(0, end));
        help.remove_prefix(std::min(end + 1, help.size()));
        line.erase(line.find_last_not_of(' ') + 1);
        if (line.starts_with("Usage:") && empty_lines == 0) {
            text += '\n';
        }
        empty_lines = line.empty() ? empty_lines + 1 : 0;
        if (empty_lines < 2) {
            text += line + '\n';
        }
    }
    return text;
}

/// So that they may stand behind the command, too.
void add_global_options_below(CLI::App& app, GlobalOptions& global) {
    for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        add_global_options(*command, global);
        add_global_options_below(*command, global);
    }
}

/// CLI11's own words, as a sentence of ours.
Error refused(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App* deepest = &app;
    std::string command = "kiln";
    while (!deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().front();
        command += " " + deepest->get_name();
    }
    std::string message = error.what();
    const bool holds_commands = deepest->get_require_subcommand_min() > 0;
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && holds_commands) {
        const std::vector<std::string> others = deepest->remaining();
        message = others.empty() ? "a command is missing"
                                 : fmt::format("{} has no command {}", command, others.front());
    }
    return Error{
        .code = Code::invalid_input,
        .message = std::move(message),
        .hint = fmt::format("\"{} --help\" shows what there is", command)};
}

}  // namespace

std::string command_of(const std::vector<std::string>& words) {
    const std::size_t at = command_index(words);
    return at < words.size() ? words[at] : std::string();
}

Result<CommandLine> parse_command_line(const std::vector<std::string>& typed) {
    TRY(refuse_later_commands(command_of(typed)));
    std::vector<std::string> words = typed;
    const std::vector<std::string> of_run = take_words_of_run(words);
    CommandLine line;
    Refusals refusals;
    CLI::App app("kiln builds OCI images without Docker.", "kiln");
    app.require_subcommand(1);
    app.footer(std::string(k_footer));
    app.formatter(std::make_shared<Formatter>());
    Declaration declaration{app, line, refusals};
    declare_build_commands(declaration);
    declare_image_commands(declaration);
    declare_environment_commands(declaration);
    declare_conda_commands(declaration);
    declare_store_commands(declaration);
    add_global_options(app, line.global);
    app.add_flag("--version")->description("The version of kiln")->group(k_global_group);
    add_global_options_below(app, line.global);
    if (words.size() == 1 && words.front() == "--version") {
        line.arguments = VersionArguments{};
        return line;
    }
    try {
        std::vector<std::string> reversed(words.rbegin(), words.rend());
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        line.arguments.reset();
        line.text = tidy(app.help());
        return line;
    } catch (const CLI::ParseError& error) {
        return fail(refused(app, error));
    }
    TRY(refusals.check());
    if (auto* run = std::get_if<RunArguments>(&*line.arguments)) {
        run->command.insert(run->command.end(), of_run.begin(), of_run.end());
    }
    return line;
}

}  // namespace kiln::client
