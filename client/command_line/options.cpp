#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

#include <map>

namespace kiln::client {

void Refusals::add(CLI::App& command, const std::string& option) {
    options_.push_back(command.add_option(option, values_.emplace_back(), "")->group(""));
}

void Refusals::add_flag(CLI::App& command, const std::string& option) {
    options_.push_back(command.add_flag(option)->group(""));
}

Result<void> Refusals::check() const {
    for (const CLI::Option* option : options_) {
        if (option->count() > 0) {
            // get_name() keeps silent about hidden options.
            const bool is_long = !option->get_lnames().empty();
            return fail(
                Code::unsupported,
                "{}{} is not supported yet",
                is_long ? "--" : "-",
                is_long ? option->get_lnames().front() : option->get_snames().front()
            );
        }
    }
    return {};
}

void add_global_options(CLI::App& app, GlobalOptions& global) {
    const std::string group = k_global_group;
    app.set_help_flag("-h,--help", "This text")->group(group);
    app.add_option("--host", global.host, "Where kilnd listens (or KILN_HOST)")
        ->type_name("unix:///PATH")
        ->group(group);
    app.add_option_function<std::string>(
           "--progress",
           [&global](const std::string& name) {
               const auto mode = parse_progress_mode(name);
               if (!mode) {
                   throw CLI::ValidationError(
                       "--progress", name + " is not one of auto, tty, plain, json, quiet"
                   );
               }
               global.progress = *mode;
           },
           "On stderr: auto, tty, plain, json or quiet"
    )
        ->type_name("MODE")
        ->group(group);
    app.add_flag("-q,--quiet", global.quiet, "Results and errors only")->group(group);
}

void add_format(CLI::App& command, ListFormat& format) {
    const std::map<std::string, ListFormat> formats{
        {"table", ListFormat::table}, {"json", ListFormat::json}};
    command.add_option("--format", format, "table (for people) or json (stable keys)")
        ->type_name("FORMAT")
        ->transform(CLI::CheckedTransformer(formats).description(""));
}

void add_image(CLI::App& command, std::string& image) {
    command.add_option("REF", image, "A name, a digest, or the beginning of one")
        ->required()
        ->type_name("");
}

Declaration declare_group(
    Declaration& declaration,
    const std::string& name,
    const std::string& description,
    const std::string& group
) {
    CLI::App* holder = declaration.app.add_subcommand(name, description)->group(group);
    holder->require_subcommand(1);
    return {*holder, declaration.line, declaration.refusals};
}

}  // namespace kiln::client
