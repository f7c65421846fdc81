#include "layers/oci/archive_import.hpp"
#include "layers/oci/image_index.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::oci {
namespace {

class LayoutImport {
  public:
    LayoutImport(const ArchiveMembers& members, Intake& intake, std::vector<std::string>& notices)
        : members_(members),
          intake_(intake),
          notices_(notices) {}

    Result<std::vector<ImportedImage>> take_all();

  private:
    /// Entries of index.json that mean one image: of one name, or one for several platforms.
    struct Wanted {
        std::vector<std::string> names;
        Descriptor manifest;
    };

    Result<void> take_referrer(const LinkedDescriptor& linked, std::vector<ImportedImage>& images);
    Result<void> take_blob(const Descriptor& blob);
    Result<std::vector<Wanted>> choose(const ImageIndex& index);
    Result<Descriptor> resolve(const Descriptor& descriptor, std::size_t depth);
    Result<Bytes> read_document(const Descriptor& descriptor) const;
    Result<ImportedImage> take_image(const Wanted& wanted);
    Result<BuiltLayer> take_layer(const Descriptor& layer, const Digest& diff_id);

    const ArchiveMembers& members_;
    Intake& intake_;
    std::vector<std::string>& notices_;
};

/// containerd and docker save give the full name and only the tag as ref.name; all others the name
/// in ref.name.
std::string name_of(const LinkedDescriptor& linked) {
    for (const std::string_view key : {k_image_name_annotation, k_ref_name_annotation}) {
        const auto found = linked.annotations.find(std::string(key));
        if (found != linked.annotations.end() && !found->second.empty()) {
            return found->second;
        }
    }
    return {};
}

/// A manifest that says it is something else than an image.
bool is_artifact(const LinkedDescriptor& linked) {
    return kind_of(linked.descriptor.media_type) == DocumentKind::manifest
           && !linked.artifact_type.empty()
           && kind_of(linked.artifact_type) != DocumentKind::config;
}

Result<std::vector<ImportedImage>> LayoutImport::take_all() {
    TRY_ASSIGN(const Bytes layout, members_.read(k_layout_name, limits::k_document_bytes));
    TRY(check_layout(layout));
    TRY_ASSIGN(const Bytes text, members_.read(k_index_name, limits::k_document_bytes));
    TRY_ASSIGN(const ImageIndex index, ImageIndex::parse(text), "while reading index.json");
    TRY_ASSIGN(const auto wanted, choose(index));
    std::vector<ImportedImage> images;
    for (const Wanted& each : wanted) {
        TRY_ASSIGN(auto image, take_image(each));
        images.push_back(std::move(image));
    }
    for (const LinkedDescriptor& linked : index.manifests) {
        if (is_artifact(linked)) {
            TRY(take_referrer(linked, images),
                "while taking what {} says of an image",
                linked.descriptor.digest.render());
        }
    }
    return images;
}

/// A document about one of the images; about anything else it is left out.
Result<void> LayoutImport::take_referrer(
    const LinkedDescriptor& linked, std::vector<ImportedImage>& images
) {
    TRY_ASSIGN(const Bytes text, read_document(linked.descriptor));
    TRY_ASSIGN(const Manifest manifest, Manifest::parse(text));
    const auto about = std::find_if(images.begin(), images.end(), [&](const auto& image) {
        return manifest.subject && manifest.subject->digest == image.manifest.digest;
    });
    if (about == images.end()) {
        notices_.push_back(fmt::format(
            "{} is {} about something that the archive does not hold",
            linked.descriptor.digest.render(),
            linked.artifact_type
        ));
        return {};
    }
    store::Referrer referrer{.subject = about->manifest.digest, .manifest = linked.descriptor};
    referrer.artifact_type =
        manifest.artifact_type.empty() ? manifest.config.media_type : manifest.artifact_type;
    TRY(take_blob(manifest.config));
    referrer.blobs.push_back(manifest.config.digest);
    for (const Descriptor& layer : manifest.layers) {
        TRY(take_blob(layer));
        referrer.blobs.push_back(layer.digest);
    }
    TRY(write_blob(intake_.blobs, intake_.lease, text));
    about->referrers.push_back(std::move(referrer));
    return {};
}

/// Any blob, as it is.
Result<void> LayoutImport::take_blob(const Descriptor& blob) {
    TRY_ASSIGN(const auto member, members_.find(blob_path(blob.digest)));
    if (member.size_bytes != blob.size_bytes) {
        return fail(
            Code::digest_mismatch,
            "{} has {} bytes, its descriptor says {}",
            blob_path(blob.digest),
            member.size_bytes,
            blob.size_bytes
        );
    }
    TRY_ASSIGN(const auto writer, intake_.blobs.begin(intake_.lease));
    FdSource source = members_.source(member);
    TRY(copy_all(source, *writer));
    TRY(writer->commit(blob.digest));
    return {};
}

Result<std::vector<LayoutImport::Wanted>> LayoutImport::choose(const ImageIndex& index) {
    // Manifests of one name that differ in platform are one image, as in an index.
    std::vector<std::pair<std::string, ImageIndex>> groups;
    for (const LinkedDescriptor& linked : index.manifests) {
        const DocumentKind kind = kind_of(linked.descriptor.media_type);
        if (is_artifact(linked)) {
            continue;  // a document about an image, taken after the images
        }
        if (kind != DocumentKind::manifest && kind != DocumentKind::index) {
            notices_.push_back(fmt::format(
                "{} is {}, no image",
                linked.descriptor.digest.render(),
                linked.descriptor.media_type
            ));
            continue;
        }
        const std::string name = name_of(linked);
        const auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& each) {
            return each.first == name && linked.platform && each.second.manifests[0].platform;
        });
        if (group != groups.end()) {
            group->second.manifests.push_back(linked);
        } else {
            groups.emplace_back(name, ImageIndex{.manifests = {linked}});
        }
    }
    std::vector<Wanted> wanted;
    for (const auto& [name, group] : groups) {
        const LinkedDescriptor* best = group.choose(intake_.options.platform);
        // One manifest alone is meant, whatever it runs on.
        best = best == nullptr && group.manifests.size() == 1 ? &group.manifests[0] : best;
        if (best == nullptr) {
            return fail(
                Code::not_found,
                "the archive has {} for other platforms than {} only",
                name.empty() ? "an image" : name,
                intake_.options.platform.render()
            );
        }
        TRY_ASSIGN(const Descriptor manifest, resolve(best->descriptor, 0));
        const auto same = std::find_if(wanted.begin(), wanted.end(), [&](const Wanted& each) {
            return each.manifest.digest == manifest.digest;
        });
        Wanted& into = same != wanted.end() ? *same : wanted.emplace_back();
        into.manifest = manifest;
        if (!name.empty()) {
            into.names.push_back(name);
        }
    }
    if (wanted.empty()) {
        return fail(Code::not_found, "index.json of the archive names no image");
    }
    if (wanted.size() > k_archive_images) {
        return fail(Code::too_large, "index.json names more than {} images", k_archive_images);
    }
    return wanted;
}

Result<Descriptor> LayoutImport::resolve(const Descriptor& descriptor, std::size_t depth) {
    if (kind_of(descriptor.media_type) == DocumentKind::manifest) {
        return descriptor;
    }
    if (depth == k_index_depth) {
        return fail(
            Code::invalid_input, "indexes of the archive lead to each other {} deep", k_index_depth
        );
    }
    TRY_ASSIGN(const Bytes text, read_document(descriptor));
    TRY_ASSIGN(const ImageIndex index, ImageIndex::parse(text));
    const LinkedDescriptor* best = index.choose(intake_.options.platform);
    if (best == nullptr) {
        return fail(
            Code::not_found,
            "index {} has no image for {}",
            descriptor.digest.render(),
            intake_.options.platform.render()
        );
    }
    return resolve(best->descriptor, depth + 1);
}

Result<Bytes> LayoutImport::read_document(const Descriptor& descriptor) const {
    TRY_ASSIGN(Bytes bytes, members_.read(blob_path(descriptor.digest), limits::k_document_bytes));
    if (bytes.size() != descriptor.size_bytes) {
        return fail(
            Code::digest_mismatch,
            "{} has {} bytes, its descriptor says {}",
            blob_path(descriptor.digest),
            bytes.size(),
            descriptor.size_bytes
        );
    }
    const Digest digest = digest_of(bytes);
    if (digest != descriptor.digest) {
        return fail(
            Code::digest_mismatch,
            "the content of {} is {}",
            blob_path(descriptor.digest),
            digest.render()
        );
    }
    return bytes;
}

Result<ImportedImage> LayoutImport::take_image(const Wanted& wanted) {
    TRY_ASSIGN(const Bytes text, read_document(wanted.manifest));
    const std::string what = wanted.manifest.digest.render();
    TRY_ASSIGN(const Manifest manifest, Manifest::parse(text), "while reading manifest {}", what);
    if (kind_of(manifest.config.media_type) != DocumentKind::config) {
        return fail(
            Code::unsupported,
            "{} is an artifact of type {}, no image",
            what,
            manifest.config.media_type
        );
    }
    TRY_ASSIGN(const Bytes config, read_document(manifest.config));
    ImportedImage image;
    image.names = wanted.names;
    image.manifest = wanted.manifest;
    image.config_blob = manifest.config;
    TRY_ASSIGN(image.config, ImageConfig::parse(config), "while reading the config of {}", what);
    TRY(image.config.check_layers(manifest.layers.size(), fmt::format("manifest {}", what)));
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
        TRY_ASSIGN(auto layer, take_layer(manifest.layers[i], image.config.diff_ids[i]));
        image.layers.push_back(std::move(layer));
    }
    TRY(write_blob(intake_.blobs, intake_.lease, config));
    TRY(write_blob(intake_.blobs, intake_.lease, text));
    return image;
}

Result<BuiltLayer> LayoutImport::take_layer(const Descriptor& layer, const Digest& diff_id) {
    const auto known = intake_.by_diff_id.find(diff_id);
    if (known != intake_.by_diff_id.end() && known->second.layer.dress.digest == layer.digest) {
        return known->second;
    }
    TRY_ASSIGN(const auto member, members_.find(blob_path(layer.digest)));
    FdSource bytes = members_.source(member);
    TRY_ASSIGN(
        auto taken,
        intake_.take(bytes, {.blob = layer, .diff_id = diff_id}),
        "while reading layer {}",
        layer.digest.render()
    );
    intake_.by_diff_id.insert_or_assign(diff_id, taken);
    return taken;
}

}  // namespace

Result<std::vector<ImportedImage>> take_layout_images(
    const ArchiveMembers& members, Intake& intake, std::vector<std::string>& notices
) {
    return LayoutImport(members, intake, notices).take_all();
}

}  // namespace kiln::oci
