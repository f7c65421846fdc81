#include "layers/oci/image_index.hpp"

#include "layers/oci/descriptor_reader.hpp"
#include "layers/oci/media_type.hpp"

namespace kiln::oci {
namespace {

constexpr std::string_view k_image_index = "the image index";

/// What BuildKit adds beside an image (docs/attestations/attestation-storage.md); nothing to run.
bool is_attestation(const LinkedDescriptor& linked) {
    const bool unknown = linked.platform && linked.platform->os == "unknown"
                         && linked.platform->architecture == "unknown";
    return unknown || linked.annotations.contains("vnd.docker.reference.type");
}

}  // namespace

Result<ImageIndex> ImageIndex::parse(ByteSpan bytes) {
    TRY_ASSIGN(const json::Value value, parse_document(bytes, k_image_index));
    json::ObjectReader in(value, std::string(k_image_index));
    DescriptorReader descriptors;
    ImageIndex index;
    index.media_type = read_media_type(in, "mediaType");
    index.artifact_type = read_media_type(in, "artifactType");
    TRY_ASSIGN(auto subject, descriptors.read_field(in, "subject"));
    index.annotations = read_annotations(in);
    if (in.find("manifests") == nullptr) {
        in.refuse(Error{
            .code = Code::invalid_input,
            .message = fmt::format("\"manifests\" is missing in {}", k_image_index)});
    }
    in.each("manifests", [&](const json::Value& each) -> Result<void> {
        if (index.manifests.size() == k_index_manifests) {
            return fail(
                Code::too_large, "{} has more than {} manifests", k_image_index, k_index_manifests
            );
        }
        const std::string what =
            fmt::format("manifest {} of {}", index.manifests.size(), k_image_index);
        TRY_ASSIGN(auto linked, descriptors.read(each, what));
        index.manifests.push_back(std::move(linked));
        return {};
    });
    TRY(in.finish(json::UnknownFields::ignore));
    if (!index.media_type.empty() && kind_of(index.media_type) != DocumentKind::index) {
        return fail(
            Code::invalid_input,
            "{} calls itself {}, which is no index",
            k_image_index,
            index.media_type
        );
    }
    if (subject) {
        index.subject = std::move(subject->descriptor);
    }
    TRY(descriptors.finish());
    return index;
}

std::string ImageIndex::render() const {
    json::Object object;
    object["schemaVersion"] = 2;
    if (!media_type.empty()) {
        object["mediaType"] = media_type;
    }
    if (!artifact_type.empty()) {
        object["artifactType"] = artifact_type;
    }
    json::Array array;
    for (const LinkedDescriptor& linked : manifests) {
        array.emplace_back(linked.to_json());
    }
    object["manifests"] = std::move(array);
    if (subject) {
        object["subject"] = descriptor_to_json(*subject);
    }
    if (!annotations.empty()) {
        object["annotations"] = json::from_text_map(annotations);
    }
    return json::render(object);
}

const LinkedDescriptor* ImageIndex::choose(const Platform& wanted) const {
    const LinkedDescriptor* best = nullptr;
    int best_match = 0;
    const LinkedDescriptor* unnamed = nullptr;
    for (const LinkedDescriptor& linked : manifests) {
        const DocumentKind kind = kind_of(linked.descriptor.media_type);
        const bool image = kind == DocumentKind::manifest || kind == DocumentKind::index;
        if (!image || is_attestation(linked)) {
            continue;
        }
        if (!linked.platform) {
            unnamed = unnamed == nullptr ? &linked : unnamed;
        } else if (const int found = match(wanted, *linked.platform); found > best_match) {
            best = &linked;
            best_match = found;
        }
    }
    return best == nullptr ? unnamed : best;
}

}  // namespace kiln::oci
