#include "layers/oci/import.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/import.hpp"
#include "layers/oci/archive_import.hpp"
#include "layers/oci/hashing_source.hpp"
#include "layers/oci/image_index.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/file.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"

namespace kiln::oci {
namespace {

/// An image of one layer around a root file system.
Result<Import> root_fs_image(ImportedRoot root, const Intake& intake) {
    const ImportOptions& options = intake.options;
    ImportedImage image;
    image.config.created = render_time(options.created);
    image.config.platform = options.platform;
    image.config.diff_ids = {root.layer.layer.diff_id};
    image.config.history = {
        {.created = image.config.created, .comment = "imported from a root file system"}};
    image.layers.push_back(std::move(root.layer));
    TRY(store_documents(image, as_bytes(image.config.render()), intake));
    Import result;
    result.kind = ArchiveKind::rootfs;
    result.images.push_back(std::move(image));
    result.notices = std::move(root.notices);
    return result;
}

kiln::ImportOptions root_fs_options(const Intake& intake) {
    const ImportOptions& options = intake.options;
    return {.layer = options.layer, .epoch = options.created, .limits = options.limits};
}

Result<Import> take_root_fs(int tar_fd, ThreadPool& pool, const Intake& intake) {
    TRY_ASSIGN(auto writer, intake.blobs.begin(intake.lease));
    TRY_ASSIGN(
        auto root, import_root_fs(tar_fd, root_fs_options(intake), pool, *writer, intake.stop)
    );
    TRY(writer->commit(root.layer.layer.dress.digest));
    return root_fs_image(std::move(root), intake);
}

/// A root file system whose layer is made while it comes in. nullopt when it is something else or
/// out of order: whoever has all of it can tell what.
Result<std::optional<Import>> take_ordered_root_fs(
    ByteSource& archive, ThreadPool& pool, const Intake& intake
) {
    // Before a root directory is seen it may be an image, whose blobs are not worth compressing.
    bool is_root_fs = false;
    const auto wanted = [&is_root_fs](const tar::TarEntry& entry) {
        is_root_fs = is_root_fs || is_root_directory(entry.path);
        return is_root_fs || entry.size_bytes == 0;
    };
    TRY_ASSIGN(auto writer, intake.blobs.begin(intake.lease));
    auto root = import_ordered_root_fs(
        archive, root_fs_options(intake), wanted, pool, *writer, intake.stop
    );
    TRY(check(intake.stop));
    if (!root || !*root || !is_root_fs) {
        return std::optional<Import>();
    }
    TRY(drain(archive), "while unpacking the archive");
    TRY(writer->commit((*root)->layer.layer.dress.digest));
    TRY_ASSIGN(auto image, root_fs_image(std::move(**root), intake));
    return std::optional(std::move(image));
}

/// docker save writes both manifests since 25; the layout's gives the image the digest it was
/// pushed with, so it counts unless it names nothing.
bool prefers_layout(const ArchiveMembers& members) {
    if (!members.contains(k_layout_name) || !members.contains(k_index_name)) {
        return false;
    }
    if (!members.contains(k_docker_manifest_name)) {
        return true;
    }
    const auto text = members.read(k_index_name, limits::k_document_bytes);
    if (!text) {
        return false;
    }
    const auto index = ImageIndex::parse(*text);
    return index && !index->manifests.empty();
}

/// An archive that can be read anywhere, whatever it is.
Result<Import> take_whole(int tar_fd, ThreadPool& pool, Intake& intake) {
    TRY_ASSIGN(
        const auto members, ArchiveMembers::scan(tar_fd, intake.options.limits, intake.stop)
    );
    if (!members) {
        return take_root_fs(tar_fd, pool, intake);
    }
    Import result;
    if (prefers_layout(*members)) {
        result.kind = ArchiveKind::oci;
        TRY_ASSIGN(result.images, take_layout_images(*members, intake, result.notices));
        return result;
    }
    if (members->contains(k_docker_manifest_name)) {
        result.kind = ArchiveKind::docker;
        TRY_ASSIGN(result.images, take_docker_images(*members, intake));
        return result;
    }
    // What only looks like an image must not become the root file system of one.
    if (members->contains(k_index_name)) {
        return fail(Code::invalid_input, "the archive has index.json, but no oci-layout");
    }
    if (members->contains_name("layer.tar")) {
        return fail(Code::invalid_input, "the archive has layers, but no manifest.json");
    }
    return take_root_fs(tar_fd, pool, intake);
}

}  // namespace

Result<Import> import_archive(
    ByteSource& archive,
    int spool_fd,
    store::BlobStore& blobs,
    const store::Lease& lease,
    ThreadPool& pool,
    const ImportOptions& options,
    std::stop_token stop
) {
    Intake intake{.blobs = blobs, .lease = lease, .options = options, .stop = std::move(stop)};
    TRY_ASSIGN(const auto plain, decompress(archive), "while unpacking the archive");
    FdSink spool(spool_fd);
    CopyingSource arriving(*plain, &spool);
    TRY_ASSIGN(auto ordered, take_ordered_root_fs(arriving, pool, intake));
    if (ordered) {
        return std::move(*ordered);
    }
    TRY(drain(arriving), "while unpacking the archive");
    if (arriving.size_bytes() == 0) {
        return fail(Code::invalid_input, "the archive is empty");
    }
    return take_whole(spool_fd, pool, intake);
}

Result<Import> import_archive_file(
    int archive_fd,
    int spool_fd,
    store::BlobStore& blobs,
    const store::Lease& lease,
    ThreadPool& pool,
    const ImportOptions& options,
    std::stop_token stop
) {
    Bytes first(k_sniff_bytes);
    TRY_ASSIGN(const std::size_t count, pread_some(archive_fd, first, 0));
    FdSource archive(archive_fd);
    if (count == 0 || sniff_stream(ByteSpan(first).first(count)) != StreamFormat::plain) {
        return import_archive(archive, spool_fd, blobs, lease, pool, options, std::move(stop));
    }
    Intake intake{.blobs = blobs, .lease = lease, .options = options, .stop = std::move(stop)};
    TRY_ASSIGN(auto ordered, take_ordered_root_fs(archive, pool, intake));
    return ordered ? std::move(*ordered) : take_whole(archive_fd, pool, intake);
}

Result<void> store_documents(ImportedImage& image, ByteSpan config, const Intake& intake) {
    TRY_ASSIGN(const Digest config_digest, write_blob(intake.blobs, intake.lease, config));
    image.config_blob = {
        .media_type = std::string(k_config), .digest = config_digest, .size_bytes = config.size()};
    Manifest manifest;
    manifest.media_type = std::string(k_manifest);
    manifest.config = image.config_blob;
    for (const BuiltLayer& layer : image.layers) {
        const Dress& dress = layer.layer.dress;
        manifest.layers.push_back(
            {.media_type = std::string(layer_media_type(dress.compression)),
             .digest = dress.digest,
             .size_bytes = dress.size_bytes}
        );
    }
    const std::string text = manifest.render();
    TRY_ASSIGN(const Digest digest, write_blob(intake.blobs, intake.lease, as_bytes(text)));
    image.manifest = {
        .media_type = std::string(k_manifest), .digest = digest, .size_bytes = text.size()};
    return {};
}

}  // namespace kiln::oci
