#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

namespace kiln::client {
namespace {

constexpr const char* k_store_group = "The store and the daemon";

template<class T>
std::pair<CLI::App*, T*> declare_listed(
    Declaration& declaration, const std::string& name, const std::string& description
) {
    auto declared = declare<T>(declaration, name, description, k_store_group);
    add_format(*declared.first, declared.second->format);
    return declared;
}

}  // namespace

void declare_store_commands(Declaration& declaration) {
    declare_listed<DfArguments>(declaration, "df", "Show what the store's bytes are used for");
    auto [gc, collected] =
        declare_listed<GcArguments>(declaration, "gc", "Remove what nothing needs any more");
    gc->add_option("--keep-size", collected->keep_size, "Cache to keep, such as 10GiB")
        ->type_name("SIZE");
    gc->add_option("--keep-age", collected->keep_age, "Keep what was used within, such as 7d")
        ->type_name("AGE");
    gc->add_flag("--dry-run", collected->dry_run, "Only tell what would go");
    auto [verify, verified] = declare_listed<VerifyArguments>(
        declaration, "verify", "Hash every byte of the store again"
    );
    verify->add_flag("--repair", verified->repair, "Put aside what is damaged");
    declare_listed<InfoArguments>(
        declaration, "info", "Show what this daemon can do, and why not more"
    );
    declare_listed<VersionArguments>(declaration, "version", "Show the versions of kiln and kilnd");
}

}  // namespace kiln::client
