#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

namespace kiln::client {
namespace {

constexpr const char* k_group = "Conda";

}  // namespace

void declare_conda_commands(Declaration& declaration) {
    Declaration conda =
        declare_group(declaration, "conda", "Conda environments in images", k_group);
    auto [list, listed] = declare<CondaListArguments>(
        conda, "list", "List the packages that are installed in an image", k_group
    );
    add_image(*list, listed->image);
    add_format(*list, listed->format);
    auto [verify, verified] = declare<CondaVerifyArguments>(
        conda, "verify", "Check each installed file against its package's record", k_group
    );
    add_image(*verify, verified->image);
    add_format(*verify, verified->format);
    verify->footer(
        "Every file of a package is read and hashed. What differs is listed with the step that\n"
        "made it so, and the exit code is 6."
    );
}

}  // namespace kiln::client
