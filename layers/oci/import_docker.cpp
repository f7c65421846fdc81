#include "layers/oci/archive_import.hpp"
#include "store/base/json.hpp"
#include "store/base/limits.hpp"

namespace kiln::oci {
namespace {

/// One image of a docker-archive: members of the archive by name.
struct DockerEntry {
    std::string config;
    std::vector<std::string> names;
    std::vector<std::string> layers;  // bottom first
};

Result<DockerEntry> read_entry(const json::Value& value, std::size_t number) {
    json::ObjectReader in(value, fmt::format("image {} of manifest.json", number));
    DockerEntry entry;
    entry.config = in.text("Config");
    entry.names = in.texts_or_empty("RepoTags");
    entry.layers = in.texts_or_empty("Layers");
    TRY(in.finish(json::UnknownFields::ignore));
    if (entry.layers.empty()) {
        return fail(Code::unsupported, "{} has no layers", in.what());
    }
    return entry;
}

Result<std::vector<DockerEntry>> read_entries(const ArchiveMembers& members) {
    TRY_ASSIGN(const Bytes text, members.read(k_docker_manifest_name, limits::k_document_bytes));
    TRY_ASSIGN(const json::Value value, json::parse(as_text(text), k_docker_manifest_name));
    const json::Array* array = value.if_array();
    if (array == nullptr || array->empty()) {
        return fail(Code::invalid_input, "manifest.json names no image");
    }
    if (array->size() > k_archive_images) {
        return fail(
            Code::too_large,
            "manifest.json names {} images; at most {} are read",
            array->size(),
            k_archive_images
        );
    }
    std::vector<DockerEntry> entries;
    for (const json::Value& each : *array) {
        TRY_ASSIGN(auto entry, read_entry(each, entries.size()));
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<BuiltLayer> take_docker_layer(
    const ArchiveMembers& members, Intake& intake, const std::string& path, const Digest& diff_id
) {
    if (const auto known = intake.by_diff_id.find(diff_id); known != intake.by_diff_id.end()) {
        return known->second;
    }
    TRY_ASSIGN(const auto member, members.find(path));
    FdSource bytes = members.source(member);
    TRY_ASSIGN(
        auto layer, intake.take(bytes, {.diff_id = diff_id}), "while reading layer {}", path
    );
    intake.by_diff_id.emplace(diff_id, layer);
    return layer;
}

Result<ImportedImage> take_docker_image(
    const ArchiveMembers& members, Intake& intake, const DockerEntry& entry
) {
    TRY_ASSIGN(const Bytes config, members.read(entry.config, limits::k_document_bytes));
    ImportedImage image;
    image.names = entry.names;
    TRY_ASSIGN(image.config, ImageConfig::parse(config), "while reading {}", entry.config);
    TRY(image.config.check_layers(entry.layers.size(), "manifest.json"),
        "while reading {}",
        entry.config);
    for (std::size_t i = 0; i < entry.layers.size(); ++i) {
        TRY_ASSIGN(
            auto layer,
            take_docker_layer(members, intake, entry.layers[i], image.config.diff_ids[i])
        );
        image.layers.push_back(std::move(layer));
    }
    TRY(store_documents(image, config, intake));
    return image;
}

}  // namespace

Result<std::vector<ImportedImage>> take_docker_images(
    const ArchiveMembers& members, Intake& intake
) {
    TRY_ASSIGN(const auto entries, read_entries(members));
    std::vector<ImportedImage> images;
    for (const DockerEntry& entry : entries) {
        TRY_ASSIGN(auto image, take_docker_image(members, intake, entry));
        images.push_back(std::move(image));
    }
    return images;
}

}  // namespace kiln::oci
