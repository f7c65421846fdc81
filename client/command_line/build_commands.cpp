#include "client/command_line/commands.hpp"
#include "store/base/limits.hpp"

#include <CLI/CLI.hpp>

namespace kiln::client {
namespace {

constexpr const char* k_build_group = "Building and running";

void declare_inputs(CLI::App& command, BuildArguments& build) {
    const std::string group = "What is built";
    command.add_option("CONTEXT", build.context, "A directory, a git URL, or - for a tar on stdin")
        ->required()
        ->type_name("");
    command.add_option("-f,--file", build.file, "The Dockerfile; - is stdin")
        ->type_name("FILE")
        ->group(group);
    command.add_option("--target", build.target, "The stage to build (the last)")
        ->type_name("STAGE")
        ->group(group);
    command.add_option("--build-arg", build.build_args, "An ARG; K alone: from the environment")
        ->type_name("K=V")
        ->allow_extra_args(false)
        ->group(group);
    command
        .add_option(
            "--build-context",
            build.build_contexts,
            "A named context for FROM and --from: a path,\n"
            "docker-image://REF, target:STAGE or\n"
            "conda:LOCK[,prefix=/opt/env][,environment=E]\n"
            "[,category=C]…[,activate=yes]: @EXPLICIT,\n"
            "conda-lock.yml, pixi.lock, environment.yml"
        )
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false)
        ->group(group);
    command.add_option("--platform", build.platform, "Such as linux/amd64")
        ->type_name("OS/ARCH")
        ->group(group);
    command.add_flag("--no-cache", build.no_cache, "Run every step again")->group(group);
    command.add_flag("--pull{always}", build.pull, "Fetch bases: missing (default), always, never")
        ->group(group);
    command.add_option("--network", build.network, "Of RUN: default, none or host")
        ->type_name("MODE")
        ->group(group);
}

void declare_outputs(CLI::App& command, BuildArguments& build) {
    const std::string group = "What comes out";
    command.add_option("-t,--tag", build.tags, "A name for the image")
        ->type_name("REF")
        ->allow_extra_args(false)
        ->group(group);
    command
        .add_option(
            "-o,--output",
            build.outputs,
            "type=oci|docker|tar|dir|store|registry,\n"
            "dest=PATH, name=REF, compression=zstd|gzip|none;\n"
            "a path alone is a directory"
        )
        ->type_name("SPEC")
        ->allow_extra_args(false)
        ->group(group);
    command.add_flag("--push", build.push, "Push every name to its registry")->group(group);
    command.add_option("--label", build.labels, "A label of the image")
        ->type_name("K=V")
        ->allow_extra_args(false)
        ->group(group);
    command.add_option("--annotation", build.annotations, "An annotation of the manifest")
        ->type_name("K=V")
        ->allow_extra_args(false)
        ->group(group);
    command
        .add_option(
            "--source-date-epoch", build.source_date_epoch, "Time of files and history (1980-01-02)"
        )
        ->type_name("N")
        ->group(group);
    command.add_option("--timestamps", build.timestamps, "fixed (reproducible) or keep")
        ->type_name("MODE")
        ->group(group);
    command.add_option("--iidfile", build.iidfile, "Write the image's digest there")
        ->type_name("FILE")
        ->group(group);
    command
        .add_option("--metadata-file", build.metadata_file, "Write digests and names as JSON there")
        ->type_name("FILE")
        ->group(group);
    command.add_flag("--explain", build.explain, "Tell why each step ran")->group(group);
    command.add_flag("--detach", build.detach, "Print the build's id and leave it to the daemon")
        ->group(group);
}

void declare_packages(CLI::App& command, BuildArguments& build) {
    const std::string group = "Conda packages";
    command
        .add_option(
            "--max-layers", build.max_layers, "Of the image; small conda packages share some"
        )
        ->check(CLI::Range(1UL, limits::k_image_layers).description(""))
        ->type_name("N")
        ->group(group);
    command
        .add_option(
            "--link-scripts", build.link_scripts, "Packages whose scripts run; allow, ask-list"
        )
        ->type_name("NAME,...")
        ->group(group);
    command.add_flag("--compile-pyc", build.compile_pyc, "Compile noarch python packages")
        ->group(group);
    command.add_option("--sbom", build.sbom, "Attach a bill of materials: spdx or cyclonedx")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"spdx", "cyclonedx"}).description(""))
        ->group(group);
}

void declare_build(Declaration& declaration) {
    auto [command, build] = declare<BuildArguments>(
        declaration, "build", "Build an image from a Dockerfile", k_build_group
    );
    declare_inputs(*command, *build);
    declare_outputs(*command, *build);
    declare_packages(*command, *build);
    for (const char* option :
         {"--secret",
          "--ssh",
          "--cache-from",
          "--cache-to",
          "--attest",
          "--add-host",
          "--allow",
          "--builder",
          "--cgroup-parent",
          "--shm-size",
          "--ulimit"}) {
        declaration.refusals.add(*command, option);
    }
    for (const char* flag : {"--check", "--load", "--squash"}) {
        declaration.refusals.add_flag(*command, flag);
    }
    command->footer(
        "The digest of the image is printed on stdout, everything else on stderr.\n\n"
        "  kiln build -t app:1 .\n"
        "  kiln build --build-context env=conda:env.lock -t app:1 -o type=oci,dest=app.tar .\n"
        "  kiln build -t registry.example/app:1 --push ."
    );
}

void declare_run(Declaration& declaration) {
    auto [command, run] = declare<RunArguments>(
        declaration, "run", "Run a command in an image, in the sandbox", k_build_group
    );
    command->add_option("REF", run->image, "An image of the store, or env:NAME[:VERSION]")
        ->type_name("");
    // What follows the image is the command's, with its own options.
    command->prefix_command();
    command->parse_complete_callback([command = command, run = run] {
        run->command = command->remaining();
        if (!run->file.empty() && !run->image.empty()) {
            // With a definition there is no image to name: the command begins at once.
            run->command.insert(run->command.begin(), std::exchange(run->image, {}));
        }
    });
    command
        ->add_option("-f,--file", run->file, "The environment of this definition, instead of REF")
        ->type_name("FILE");
    command->add_option("--workspace", run->workspace, "Of the environment")
        ->type_name("NAME")
        ->capture_default_str();
    command->add_option("--mount", run->mounts, "A directory or file of this host, seen at DST")
        ->type_name("SRC:DST[:ro]")
        ->allow_extra_args(false);
    command->add_option("--device", run->devices, "A device of the host, by its CDI name")
        ->type_name("VENDOR/CLASS=NAME")
        ->allow_extra_args(false);
    command->add_option("-e,--env", run->env, "A variable; K alone: from the environment")
        ->type_name("K=V")
        ->allow_extra_args(false);
    command->add_option("-w,--workdir", run->workdir, "The working directory")->type_name("DIR");
    command->add_option("-u,--user", run->user, "The user, by name or number")->type_name("USER");
    command->add_option("--network", run->network, "default, none or host")->type_name("MODE");
    command->add_flag("-i,--interactive", run->interactive, "The command reads kiln's stdin");
    declaration.refusals.add(*command, "-v,--volume");
    declaration.refusals.add(*command, "-p,--publish");
    declaration.refusals.add_flag(*command, "-t,--tty");
    declaration.refusals.add_flag(*command, "-d,--detach");
    command->footer(
        "The exit code is the command's; 125 is an error of kiln's own. Nothing that it writes is\n"
        "kept, but in what is mounted: there it may do what you may, and its files are yours.\n"
        "Ctrl-C, SIGTERM and SIGHUP go to the command; the third ends it.\n\n"
        "  kiln run app:1 -- python3 -c 'print(1)'\n"
        "  kiln run env:train:3 --mount data:/data:ro --mount out:/out -- python3 train.py\n"
        "  kiln run -f environment.yml -- python3 train.py"
    );
}

void declare_runs(Declaration& declaration) {
    auto [command, runs] = declare<RunsArguments>(
        declaration, "runs", "List what ran, in which image and how it ended", k_build_group
    );
    command
        ->add_option("REF", runs->image, "Of this image, or of env:NAME[:VERSION] or its hash only")
        ->type_name("");
    command->add_option("--workspace", runs->workspace, "Of the environment")
        ->type_name("NAME")
        ->capture_default_str();
    add_format(*command, runs->format);
}

template<class T>
void declare_of_build(
    Declaration& declaration, const std::string& name, const std::string& description
) {
    auto [command, arguments] = declare<T>(declaration, name, description, k_build_group);
    command->add_option("ID", arguments->build, "A build, as \"kiln builds\" lists it")
        ->required()
        ->type_name("");
    if constexpr (std::is_same_v<T, ExplainArguments>) {
        add_format(*command, arguments->format);
    }
}

}  // namespace

void declare_build_commands(Declaration& declaration) {
    declare_build(declaration);
    declare_run(declaration);
    declare_runs(declaration);
    auto [builds, arguments] = declare<BuildsArguments>(
        declaration, "builds", "List running and finished builds", k_build_group
    );
    add_format(*builds, arguments->format);
    declare_of_build<LogsArguments>(declaration, "logs", "Show what a build printed");
    declare_of_build<CancelArguments>(declaration, "cancel", "Cancel a running build");
    declare_of_build<ExplainArguments>(declaration, "explain", "Tell why each step of a build ran");
}

}  // namespace kiln::client
