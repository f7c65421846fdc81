#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

namespace kiln::client {
namespace {

constexpr const char* k_environment_group = "Environments";
constexpr const char* k_reference = "NAME[:VERSION]; without a version the latest";

template<class T>
std::pair<CLI::App*, T*> declare_env(
    Declaration& env, const std::string& name, const std::string& description
) {
    auto [command, arguments] = declare<T>(env, name, description, k_environment_group);
    if constexpr (requires { arguments->workspace; }) {
        command->add_option("--workspace", arguments->workspace, "Its name space")
            ->type_name("NAME")
            ->capture_default_str();
    }
    return {command, arguments};
}

void add_environment(CLI::App& command, std::string& environment) {
    command.add_option("NAME", environment, k_reference)->required()->type_name("");
}

void declare_making(Declaration& env) {
    auto [create, created] =
        declare_env<EnvCreateArguments>(env, "create", "Keep a definition under its name");
    create->add_option("-f,--file", created->file, "Azure ML's YAML of an environment; - is stdin")
        ->required()
        ->type_name("FILE");
    create->add_flag("--build", created->build, "Build its image, too");
    create->add_flag("--anonymous", created->anonymous, "Under its hash, not listed");
    create->footer("  kiln env create -f environment.azureml.yml --build");

    auto [build, built] =
        declare_env<EnvBuildArguments>(env, "build", "Give its image, built where nobody has yet");
    auto* name = build->add_option("NAME", built->environment, k_reference)->type_name("");
    build->add_option("-f,--file", built->file, "A definition, kept as `create` does")
        ->type_name("FILE")
        ->excludes(name);
    build->add_flag("--push", built->push, "Needs a registry of the workspace");
    build->add_flag("--pull", built->pull, "Bring it here when only the registry has it");
    build->add_flag("--rebuild", built->rebuild, "Resolve and build afresh, under the same hash");

    auto [copy, copied] =
        declare_env<EnvCopyArguments>(env, "copy", "The same definition under another name");
    copy->add_option("FROM", copied->from, k_reference)->required()->type_name("");
    copy->add_option("TO", copied->to, "NAME[:VERSION]")->required()->type_name("");
}

void declare_looking(Declaration& env) {
    auto [list, listed] = declare_env<EnvListArguments>(env, "list", "List the latest versions");
    list->add_option("--name", listed->name, "All versions of this one")->type_name("NAME");
    list->add_flag("--include-archived", listed->include_archived);
    add_format(*list, listed->format);

    auto [show, shown] =
        declare_env<EnvShowArguments>(env, "show", "All that is known of a version, as JSON");
    add_environment(*show, shown->environment);
    show->add_flag("--canonical", shown->canonical, "The record that its hash is the sha256 of");
    add_format(*show, shown->format);

    auto [history, told] = declare_env<EnvHistoryArguments>(
        env, "history", "Every version, and what differs from the one before"
    );
    history->add_option("NAME", told->name)->required()->type_name("");
    add_format(*history, told->format);

    auto [diff, compared] =
        declare_env<EnvDiffArguments>(env, "diff", "Why two versions have different hashes");
    diff->add_option("A", compared->before, k_reference)->required()->type_name("");
    diff->add_option("B", compared->after, k_reference)->required()->type_name("");
    add_format(*diff, compared->format);

    auto [which, asked] =
        declare_env<EnvWhichArguments>(env, "which", "Which environments an image is");
    add_image(*which, asked->image);
    add_format(*which, asked->format);

    auto [exported, wanted] =
        declare_env<EnvExportArguments>(env, "export", "An environment in the form of others");
    add_environment(*exported, wanted->environment);
    exported
        ->add_option(
            "--format", wanted->format, "conda-lock, explicit, environment, azureml or\ndockerfile"
        )
        ->required()
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"conda-lock", "explicit", "environment", "azureml", "dockerfile"})
                    .description(""));
    exported->add_option("-o,--output", wanted->output, "Where it goes (default: stdout)")
        ->type_name("FILE");
}

void declare_changing(Declaration& env) {
    auto [archive, archived] =
        declare_env<EnvArchiveArguments>(env, "archive", "No longer list it; it still builds");
    archive->add_option("NAME", archived->environment, "NAME: all versions; NAME:VERSION: one")
        ->required()
        ->type_name("");
    auto [restore, restored] = declare_env<EnvRestoreArguments>(env, "restore", "List it again");
    restore->add_option("NAME", restored->environment, "NAME: all versions; NAME:VERSION: one")
        ->required()
        ->type_name("");

    auto [set, changed] =
        declare_env<EnvSetArguments>(env, "set", "Change tags, properties or the description");
    add_environment(*set, changed->environment);
    set->add_option("--tag", changed->tags, "KEY= takes it away")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    set->add_option("--property", changed->properties, "KEY= takes it away")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    set->add_option("--description", changed->description)
        ->type_name("TEXT")
        ->expected(1)
        ->allow_extra_args(false);

    auto [refresh, refreshed] = declare_env<EnvRefreshArguments>(
        env, "refresh", "Make the next version of those whose base has moved"
    );
    auto* names = refresh->add_option("NAME", refreshed->names)->type_name("");
    refresh->add_flag("--all", refreshed->all, "Every environment of the workspace")
        ->excludes(names);
    refresh->add_flag(
        "--pull{always}",
        refreshed->pull,
        "Which bases to look for in registries: always (all), missing,\n"
        "never (default: those whose name says a registry)"
    );
    refresh->add_flag("--dry-run", refreshed->dry_run, "Only show what would change");
    add_format(*refresh, refreshed->format);
    refresh->footer(
        "  The packages stay as they are locked where the new base still satisfies them, and "
        "their\n"
        "  layers byte for byte; only what lies below is exchanged."
    );
}

void declare_sharing(Declaration& env) {
    auto [curate, curated] = declare_env<EnvCurateArguments>(
        env, "curate", "Take in environments that are used as they are"
    );
    curate
        ->add_option(
            "SOURCE",
            curated->source,
            "A directory of definitions, HOST/NAME[:TAG] of shared ones, or\n"
            "workspace:NAME (default: curated_source in kilnd.toml)"
        )
        ->type_name("");

    auto [share, shared] = declare_env<EnvShareArguments>(
        env, "share", "Push definition, lock and image as one to a registry"
    );
    add_environment(*share, shared->environment);
    share->add_option("REF", shared->destination, "HOST/NAME:TAG")->required()->type_name("");

    auto [import, imported] = declare_env<EnvImportArguments>(
        env, "import", "Take a shared environment in, with the same hash"
    );
    import->add_option("REF", imported->reference, "HOST/NAME:TAG")->required()->type_name("");
}

}  // namespace

void declare_environment_commands(Declaration& declaration) {
    Declaration env = declare_group(
        declaration, "env", "Environments: defined once, built once, shared", k_environment_group
    );
    declare_making(env);
    declare_looking(env);
    declare_changing(env);
    declare_sharing(env);
}

}  // namespace kiln::client
