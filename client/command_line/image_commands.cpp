#include "client/command_line/commands.hpp"

#include <CLI/CLI.hpp>

namespace kiln::client {
namespace {

constexpr const char* k_images = "Images";
constexpr const char* k_registries = "Registries";

void declare_archives(Declaration& declaration) {
    auto [load, loaded] = declare<LoadArguments>(
        declaration, "load", "Take in an image archive or a root file system", k_images
    );
    load->add_option(
            "-i,--input",
            loaded->input,
            "A docker or OCI archive, a layout directory or a\n"
            "root-fs tar, compressed or not; - (default) is stdin"
    )
        ->type_name("FILE");
    load->add_option("-t,--tag", loaded->tags, "A name for the image")
        ->type_name("REF")
        ->allow_extra_args(false);
    load->footer("  kiln load -i rootfs.tar.zst -t debian:12");

    auto [save, saved] =
        declare<SaveArguments>(declaration, "save", "Write images to an archive", k_images);
    save->add_option("REF", saved->images, "Names or digests of images")->required()->type_name("");
    save->add_option("-o,--output", saved->output, "The archive; - is stdout")
        ->required()
        ->type_name("FILE");
    save->add_option("--format", saved->format, "oci (default) or docker")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"oci", "docker"}).description(""));
    save->add_option("--compression", saved->compression, "zstd, gzip or none (as stored)")
        ->type_name("KIND")
        ->check(CLI::IsMember({"zstd", "gzip", "none"}).description(""));

    auto [exporting, exported] = declare<ExportArguments>(
        declaration, "export", "Write the flattened file system of an image", k_images
    );
    add_image(*exporting, exported->image);
    exporting
        ->add_option("-o,--output", exported->output, "A directory, or a name in .tar; - is stdout")
        ->required()
        ->type_name("PATH");
}

void declare_bundles(Declaration& declaration) {
    auto [bundle, bundled] = declare<BundleArguments>(
        declaration, "bundle", "Write all that a host without network needs to one file", k_images
    );
    bundle
        ->add_option(
            "REF",
            bundled->names,
            "Images, and environments as env:NAME:V: these can be\n"
            "built again where the bundle is taken in"
        )
        ->required()
        ->type_name("");
    bundle->add_option("-o,--output", bundled->output, "The bundle; - is stdout")
        ->required()
        ->type_name("FILE");
    bundle
        ->add_option(
            "--since", bundled->since, "An older bundle: only what it does not have is written"
        )
        ->type_name("FILE");
    bundle->add_option("--workspace", bundled->workspace, "Of the environments (default)")
        ->type_name("W");
    auto [unbundle, unbundled] =
        declare<UnbundleArguments>(declaration, "unbundle", "Take a bundle in", k_images);
    unbundle->add_option("FILE", unbundled->file, "What kiln bundle wrote")
        ->required()
        ->type_name("");
    unbundle
        ->add_option(
            "--workspace", unbundled->workspace, "Where environments go (where they came from)"
        )
        ->type_name("W");
}

void declare_store_of_images(Declaration& declaration) {
    auto [images, listed] =
        declare<ImagesArguments>(declaration, "images", "List the images of the store", k_images);
    add_format(*images, listed->format);
    auto [inspect, inspected] = declare<InspectArguments>(
        declaration, "inspect", "Show manifest and config of an image as JSON", k_images
    );
    add_image(*inspect, inspected->image);
    auto [history, told] = declare<HistoryArguments>(
        declaration, "history", "Show the steps that made an image", k_images
    );
    add_image(*history, told->image);
    add_format(*history, told->format);
    auto [layers, shown] = declare<LayersArguments>(
        declaration, "layers", "Show the layers of an image and who shares them", k_images
    );
    add_image(*layers, shown->image);
    add_format(*layers, shown->format);
    auto [diff, compared] = declare<DiffArguments>(
        declaration, "diff", "Show the files and packages that differ in two images", k_images
    );
    diff->add_option("A", compared->before, "An image")->required()->type_name("");
    diff->add_option("B", compared->after, "Another")->required()->type_name("");
    diff->add_flag("--all", compared->all, "Every path, those of packages that differ too");
    diff->add_flag("--exit-code", compared->exit_code, "End with 1 when they differ");
    add_format(*diff, compared->format);
    auto [sbom, billed] = declare<SbomArguments>(
        declaration, "sbom", "Write the bill of materials of an image", k_images
    );
    add_image(*sbom, billed->image);
    sbom->add_option("--format", billed->format, "spdx (default) or cyclonedx, as JSON")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"spdx", "cyclonedx"}).description(""));
    sbom->add_option("-o,--output", billed->output, "A file; - (default) is stdout")
        ->type_name("FILE");
    auto [tag, tagged] =
        declare<TagArguments>(declaration, "tag", "Give an image another name", k_images);
    tag->add_option("SOURCE", tagged->source, "The image")->required()->type_name("");
    tag->add_option("TARGET", tagged->target, "Its new name")->required()->type_name("");
    auto [rebase, rebased] = declare<RebaseArguments>(
        declaration, "rebase", "Swap the base layers below an image, no rebuild", k_images
    );
    add_image(*rebase, rebased->image);
    rebase->add_option("--onto", rebased->onto, "The new base")->required()->type_name("BASE");
    rebase->add_option("--from", rebased->from, "The old base (what it was built on)")
        ->type_name("BASE");
    rebase->add_option("-t,--tag", rebased->tags, "A name for the result (the image's own)")
        ->type_name("REF");
    add_format(*rebase, rebased->format);
    auto [rmi, removed] =
        declare<RmiArguments>(declaration, "rmi", "Remove names of images", k_images);
    rmi->add_option("REF", removed->images, "Names or digests")->required()->type_name("");
}

void declare_registries(Declaration& declaration) {
    auto [pull, pulled] = declare<PullArguments>(
        declaration, "pull", "Take an image of a registry into the store", k_registries
    );
    pull->add_option("REF", pulled->image, "A name: HOST/PATH:TAG or HOST/PATH@DIGEST")
        ->required()
        ->type_name("");
    pull->add_option("--platform", pulled->platform, "Of an image for several (this machine's)")
        ->type_name("OS/ARCH");
    pull->footer("  kiln pull registry.example/debian:12");
    auto [push, pushed] =
        declare<PushArguments>(declaration, "push", "Push an image to a registry", k_registries);
    add_image(*push, pushed->image);
    push->add_option("DEST", pushed->destination, "Where to (its own name)")->type_name("");
    push->add_option("--compression", pushed->compression, "Of layers: zstd or gzip (as stored)")
        ->type_name("KIND")
        ->check(CLI::IsMember({"zstd", "gzip"}).description(""));
    push->add_flag(
        "--force-compression", pushed->force_compression, "Of layers that are stored otherwise, too"
    );
    auto [login, logged] =
        declare<LoginArguments>(declaration, "login", "Log in to a registry", k_registries);
    login->add_option("HOST", logged->host, "The registry")->required()->type_name("");
    login->add_option("-u,--username", logged->username, "The user (asked for)")->type_name("NAME");
    login->add_flag("--password-stdin", logged->password_stdin, "Read the password from stdin");
    login->add_option("-p,--password", logged->password, "Seen by others: better not")->group("");
    auto [logout, left] = declare<LogoutArguments>(
        declaration, "logout", "Forget the login to a registry", k_registries
    );
    logout->add_option("HOST", left->host, "The registry")->required()->type_name("");
}

}  // namespace

void declare_image_commands(Declaration& declaration) {
    declare_archives(declaration);
    declare_bundles(declaration);
    declare_store_of_images(declaration);
    declare_registries(declaration);
}

}  // namespace kiln::client
