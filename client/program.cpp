#include "client/program.hpp"

#include "client/command_line.hpp"
#include "client/commands/commands.hpp"

namespace kiln::client {
namespace {

/// `kiln run`: every other code is the command's own (as docker run has it).
constexpr int k_run_failed = 125;

int exit_code_of(const Error& error, bool is_run) {
    const bool own_word = !is_run || error.code == Code::cancelled;
    return own_word ? facts(error.code).exit_code : k_run_failed;
}

}  // namespace

int run_program(
    const std::vector<std::string>& words,
    const Environment& environment,
    const Interrupt& interrupt,
    const Streams& streams
) {
    const bool is_run = command_of(words) == "run";
    auto line = parse_command_line(words);
    Session session(line ? line->global : GlobalOptions(), environment, interrupt, streams);
    const auto result = [&]() -> Result<int> {
        TRY(line);
        if (!line->arguments) {
            TRY(session.print(line->text));
            return 0;
        }
        return std::visit(
            [&](const auto& arguments) { return run(session, arguments); }, *line->arguments
        );
    }();
    if (result) {
        return *result;
    }
    session.note(session.drawing().draw(result.error()));
    return exit_code_of(result.error(), is_run);
}

}  // namespace kiln::client
