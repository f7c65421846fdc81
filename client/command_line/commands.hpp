#pragma once

#include "client/command_line.hpp"

#include <CLI/App.hpp>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// Options that the contract has and this kiln does not yet: they are parsed, so that they can be
/// refused by name instead of being misread or ignored.
class Refusals {
  public:
    /// Hidden from the help. With a value: takes one, as the real option would.
    void add(CLI::App& command, const std::string& option);
    void add_flag(CLI::App& command, const std::string& option);

    /// Errors   unsupported for the first that was used.
    [[nodiscard]] Result<void> check() const;

  private:
    std::vector<CLI::Option*> options_;
    std::deque<std::vector<std::string>> values_;  // where CLI11 puts what nobody will read
};

/// What the declarations of commands work on; all of it outlives the parsing.
struct Declaration {
    CLI::App& app;
    CommandLine& line;
    Refusals& refusals;
};

/// Last, so that the help shows a command's own options first.
void add_global_options(CLI::App& app, GlobalOptions& global);

/// A command whose arguments are those of `T`: filled while parsing, and chosen when it was typed.
template<class T>
std::pair<CLI::App*, T*> declare(
    Declaration& declaration,
    const std::string& name,
    const std::string& description,
    const std::string& group
) {
    CLI::App* command = declaration.app.add_subcommand(name, description)->group(group);
    auto arguments = std::make_shared<T>();
    CommandLine& line = declaration.line;
    command->callback([arguments, &line] { line.arguments = std::move(*arguments); });
    return {command, arguments.get()};
}

/// A command that only holds others ("kiln conda list"): declare them on what is given.
Declaration declare_group(
    Declaration& declaration,
    const std::string& name,
    const std::string& description,
    const std::string& group
);

inline constexpr const char* k_global_group = "Global options";

void add_format(CLI::App& command, ListFormat& format);
/// REF, an image of the store.
void add_image(CLI::App& command, std::string& image);

void declare_build_commands(Declaration& declaration);
void declare_conda_commands(Declaration& declaration);
void declare_environment_commands(Declaration& declaration);
void declare_image_commands(Declaration& declaration);
void declare_store_commands(Declaration& declaration);

}  // namespace kiln::client
