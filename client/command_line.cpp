#include "client/command_line.hpp"

#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace kiln::client {
namespace {

/// Commands of the contract that are not there yet: named, so that nobody searches for a typo.
constexpr std::array<std::string_view, 8> k_later = {
    "pull", "diff", "rebase", "conda", "env", "bundle", "unbundle", "daemon"};

constexpr std::string_view k_footer =
    "Every command has its own help: kiln COMMAND --help.\n"
    "kiln speaks to kilnd over a Unix socket; --host or KILN_HOST name another.";

Result<void> refuse_later_commands(const std::vector<std::string>& words) {
    const auto first = std::find_if(words.begin(), words.end(), [](const std::string& word) {
        return !word.starts_with('-');
    });
    if (first != words.end()
        && std::find(k_later.begin(), k_later.end(), *first) != k_later.end()) {
        return fail(Code::unsupported, "kiln {} is not supported yet", *first);
    }
    return {};
}

/// CLI11's own words, as a sentence of ours.
Error refused(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App* deepest = &app;
    while (!deepest->get_subcommands().empty()) {
        deepest = deepest->get_subcommands().front();
    }
    const std::string command =
        deepest == &app ? std::string("kiln") : "kiln " + deepest->get_name();
    std::string message = error.what();
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && deepest == &app) {
        message = "a command is missing";
    }
    return Error{
        .code = Code::invalid_input,
        .message = std::move(message),
        .hint = fmt::format("\"{} --help\" shows what there is", command)};
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& words) {
    TRY(refuse_later_commands(words));
    CommandLine line;
    Refusals refusals;
    CLI::App app("kiln builds OCI images without Docker.", "kiln");
    app.require_subcommand(1);
    app.footer(std::string(k_footer));
    app.get_formatter()->column_width(36);
    add_global_options(app, line.global);
    app.add_flag("--version")->description("The version of kiln");
    Declaration declaration{app, line, refusals};
    declare_build_commands(declaration);
    declare_image_commands(declaration);
    declare_store_commands(declaration);
    if (words.size() == 1 && words.front() == "--version") {
        line.arguments = VersionArguments{};
        return line;
    }
    try {
        std::vector<std::string> reversed(words.rbegin(), words.rend());
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        const CLI::App* deepest = &app;
        while (!deepest->get_subcommands().empty()) {
            deepest = deepest->get_subcommands().front();
        }
        line.arguments.reset();
        line.text = deepest->help();
        return line;
    } catch (const CLI::ParseError& error) {
        return fail(refused(app, error));
    }
    TRY(refusals.check());
    return line;
}

}  // namespace kiln::client
