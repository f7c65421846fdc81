#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

namespace kiln::client {
namespace {

constexpr const char* k_conda_group = "Conda";

/// Which part of a lock that holds several.
void add_lock_choices(
    CLI::App& command, std::string& environment, std::vector<std::string>& categories
) {
    command.add_option("--environment", environment, "Of a pixi.lock with several")
        ->type_name("NAME");
    command.add_option("--category", categories, "Of a conda-lock.yml (default: main)")
        ->type_name("NAME")
        ->allow_extra_args(false);
}

void declare_lock(Declaration& conda) {
    auto [lock, locked] = declare<CondaLockArguments>(
        conda, "lock", "Resolve a specification to the packages of a lock", k_conda_group
    );
    lock->add_option(
            "FILE",
            locked->file,
            "environment.yml or a list of specifications, or a lock\n"
            "to write in another form; - is stdin"
    )
        ->required()
        ->type_name("");
    lock->add_option("-o,--output", locked->output, "Where the lock goes (default: stdout)")
        ->type_name("LOCK");
    lock->add_option("--base", locked->base, "The image that the packages will stand on")
        ->type_name("REF");
    lock->add_option("--platform", locked->platform, "linux-64 or linux/amd64, for instance")
        ->type_name("PLATFORM");
    lock->add_option(
            "-c,--channel",
            locked->channels,
            "A name, URL or directory, instead of the configured\ndefault channels"
    )
        ->type_name("CHANNEL")
        ->allow_extra_args(false);
    lock->add_option(
            "--virtual", locked->virtual_packages, "__cuda=12.4, __glibc=2.28; __cuda= for none"
    )
        ->type_name("NAME=VERSION")
        ->allow_extra_args(false);
    lock->add_option(
            "--channel-priority", locked->priority, "strict (default), flexible or disabled"
    )
        ->type_name("PRIORITY")
        ->check(CLI::IsMember({"strict", "flexible", "disabled"}).description(""));
    lock->add_option("--pin", locked->pins, "Holds for what is installed, and installs nothing")
        ->type_name("SPEC")
        ->allow_extra_args(false);
    add_lock_choices(*lock, locked->environment, locked->categories);
    lock->add_option("--network", locked->network, "Of pip: default, none or host")
        ->type_name("MODE");
    lock->add_option("--format", locked->format, "json (default), explicit or conda-lock")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"json", "explicit", "conda-lock"}).description(""));
    lock->footer("  kiln conda lock environment.yml --base debian:12 -o env.lock");
}

void declare_fetch(Declaration& conda) {
    auto [fetch, fetched] = declare<CondaFetchArguments>(
        conda, "fetch", "Bring the packages of a lock into the store", k_conda_group
    );
    fetch->add_option("LOCK", fetched->lock, "A lock of any form")->required()->type_name("");
    add_lock_choices(*fetch, fetched->environment, fetched->categories);
    fetch->footer("  Builds of this lock then need neither the network nor the files.");
}

}  // namespace

void declare_conda_commands(Declaration& declaration) {
    Declaration conda =
        declare_group(declaration, "conda", "Conda environments in images", k_conda_group);
    declare_lock(conda);
    declare_fetch(conda);
    auto [list, listed] = declare<CondaListArguments>(
        conda, "list", "List the packages that are installed in an image", k_conda_group
    );
    add_image(*list, listed->image);
    add_format(*list, listed->format);
    auto [verify, verified] = declare<CondaVerifyArguments>(
        conda, "verify", "Check each installed file against its package's record", k_conda_group
    );
    add_image(*verify, verified->image);
    add_format(*verify, verified->format);
    verify->footer(
        "Every file of a package is read and hashed. What differs is listed with the step that\n"
        "made it so, and the exit code is 6."
    );
}

}  // namespace kiln::client
