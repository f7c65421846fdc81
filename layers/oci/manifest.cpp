#include "layers/oci/manifest.hpp"

#include "layers/oci/descriptor_reader.hpp"
#include "layers/oci/media_type.hpp"
#include "store/base/limits.hpp"

namespace kiln::oci {
namespace {

constexpr std::string_view k_what = "the manifest";

Result<std::vector<Descriptor>> read_layers(json::ObjectReader& in, DescriptorReader& descriptors) {
    std::vector<Descriptor> layers;
    in.each("layers", [&](const json::Value& value) -> Result<void> {
        if (layers.size() == limits::k_image_layers) {
            return fail(
                Code::too_large, "{} has more than {} layers", k_what, limits::k_image_layers
            );
        }
        TRY_ASSIGN(
            auto layer,
            descriptors.read(value, fmt::format("layer {} of {}", layers.size(), k_what))
        );
        layers.push_back(std::move(layer.descriptor));
        return {};
    });
    TRY(in.finish(json::UnknownFields::ignore));
    if (layers.empty()) {
        return fail(Code::invalid_input, "{} has no layers", k_what);
    }
    return layers;
}

}  // namespace

Result<Manifest> Manifest::parse(ByteSpan bytes) {
    TRY_ASSIGN(const json::Value value, parse_document(bytes, k_what));
    json::ObjectReader in(value, std::string(k_what));
    DescriptorReader descriptors;
    Manifest manifest;
    manifest.media_type = read_media_type(in, "mediaType");
    manifest.artifact_type = read_media_type(in, "artifactType");
    TRY_ASSIGN(auto config, descriptors.read_field(in, "config"));
    TRY_ASSIGN(auto subject, descriptors.read_field(in, "subject"));
    manifest.annotations = read_annotations(in);
    TRY_ASSIGN(manifest.layers, read_layers(in, descriptors));
    if (!config) {
        return fail(Code::invalid_input, "\"config\" is missing in {}", k_what);
    }
    if (!manifest.media_type.empty() && kind_of(manifest.media_type) != DocumentKind::manifest) {
        return fail(
            Code::invalid_input,
            "{} calls itself {}, which is no image manifest",
            k_what,
            manifest.media_type
        );
    }
    manifest.config = std::move(config->descriptor);
    if (subject) {
        manifest.subject = std::move(subject->descriptor);
    }
    TRY(descriptors.finish());
    return manifest;
}

std::string Manifest::render() const {
    json::Object object;
    object["schemaVersion"] = 2;
    if (!media_type.empty()) {
        object["mediaType"] = media_type;
    }
    if (!artifact_type.empty()) {
        object["artifactType"] = artifact_type;
    }
    object["config"] = descriptor_to_json(config);
    json::Array array;
    for (const Descriptor& layer : layers) {
        array.emplace_back(descriptor_to_json(layer));
    }
    object["layers"] = std::move(array);
    if (subject) {
        object["subject"] = descriptor_to_json(*subject);
    }
    if (!annotations.empty()) {
        object["annotations"] = json::from_text_map(annotations);
    }
    return json::render(object);
}

}  // namespace kiln::oci
