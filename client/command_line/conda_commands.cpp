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
}

}  // namespace kiln::client
