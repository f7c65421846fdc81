#include "daemon/environments/artifact.hpp"

#include "daemon/build/images.hpp"
#include "daemon/environments/identity.hpp"
#include "daemon/environments/naming.hpp"
#include "layers/oci/media_type.hpp"

namespace kiln::daemon {
namespace {

constexpr std::string_view k_inputs_type = "application/vnd.kiln.environment.inputs.v1+json";
constexpr std::string_view k_notes_type = "application/vnd.kiln.environment.notes.v1+json";
constexpr std::string_view k_name_annotation = "kiln.environment.name";
constexpr std::string_view k_version_annotation = "kiln.environment.version";
constexpr std::string_view k_hash_annotation = "kiln.environment.hash";
constexpr std::string_view k_curated_annotation = "kiln.environment.curated";

std::string curated_source(const store::EnvironmentVersion& version) {
    return is_curated(version) && version.origin.size() > k_curated_origin.size()
               ? version.origin.substr(k_curated_origin.size() + 1)
               : std::string();
}

/// The blobs of an image; nullopt where one of them is not here.
Result<std::optional<std::vector<Digest>>> find_image_blobs(
    store::Store& store, const Digest& manifest
) {
    TRY_ASSIGN(const auto size, store.blobs().size_of(manifest));
    if (!size) {
        return std::optional<std::vector<Digest>>();
    }
    TRY_ASSIGN(
        const Image image,
        load_image(store, Descriptor{std::string(oci::k_manifest), manifest, *size})
    );
    std::vector<Digest> blobs{manifest, image.manifest.config.digest};
    for (const Descriptor& layer : image.manifest.layers) {
        blobs.push_back(layer.digest);
        TRY_ASSIGN(const auto there, store.blobs().size_of(layer.digest));
        if (!there) {
            return std::optional<std::vector<Digest>>();
        }
    }
    return std::optional(std::move(blobs));
}

}  // namespace

Result<store::Referrer> keep_environment_artifact(
    store::Store& store,
    const store::Lease& lease,
    const store::EnvironmentVersion& version,
    const Descriptor& image
) {
    Artifact artifact{.artifact_type = std::string(k_environment_artifact), .documents = {}};
    TRY_ASSIGN(std::string inputs, store.environments().document(version.inputs));
    artifact.documents.push_back(
        {.media_type = std::string(k_inputs_type), .text = std::move(inputs)}
    );
    artifact.documents.push_back({.media_type = std::string(k_notes_type), .text = version.notes});
    if (!version.name.empty()) {
        artifact.annotations.emplace(k_name_annotation, version.name);
        artifact.annotations.emplace(k_version_annotation, version.version);
    }
    artifact.annotations.emplace(k_hash_annotation, version.hash.render());
    if (const std::string source = curated_source(version); !source.empty()) {
        artifact.annotations.emplace(k_curated_annotation, source);
    }
    return keep_artifact(store, lease, artifact, image);
}

Result<SharedEnvironment> read_shared_environment(
    const Artifact& artifact, const std::string& source
) {
    SharedEnvironment shared;
    const auto annotation = [&](std::string_view key) {
        const auto found = artifact.annotations.find(std::string(key));
        return found == artifact.annotations.end() ? std::string() : found->second;
    };
    shared.name = annotation(k_name_annotation);
    shared.version = annotation(k_version_annotation);
    shared.curated_from = annotation(k_curated_annotation);
    TRY_ASSIGN(
        shared.hash, Digest::parse(annotation(k_hash_annotation)), "while reading {}", source
    );
    for (const ArtifactDocument& document : artifact.documents) {
        if (document.media_type == k_inputs_type) {
            shared.inputs = document.text;
        } else if (document.media_type == k_notes_type) {
            shared.notes = document.text;
        }
    }
    return shared;
}

Result<ResolvedEnvironment> resolve_shared_environment(
    const SharedEnvironment& shared, DefinitionRules::Reserved reserved, const std::string& source
) {
    ResolvedEnvironment environment;
    TRY_ASSIGN(environment.inputs, EnvironmentInputs::parse(shared.inputs));
    const DefinitionRules rules{DefinitionRules::Name::optional, reserved};
    const NamedText& text = environment.inputs.definition;
    TRY_ASSIGN(environment.definition, parse_definition(text.text, text.name, rules));
    TRY_ASSIGN(environment.record, identify(environment.definition, environment.inputs));
    if (environment.record.hash != shared.hash) {
        return fail(Error{
            .code = Code::digest_mismatch,
            .message = fmt::format(
                "{} says that it is {}, but its definition is {}",
                source,
                shared.hash.render(),
                environment.record.hash.render()
            ),
            .hint = "it was altered: have it shared or bundled again"});
    }
    TRY_ASSIGN(const EnvironmentNotes notes, EnvironmentNotes::parse(shared.notes));
    environment.definition.description = notes.description;
    environment.definition.tags = notes.tags;
    environment.definition.properties = notes.properties;
    if (!shared.name.empty()) {
        TRY(check_environment_name(shared.name), "while reading {}", source);
        TRY(check_environment_version(shared.version), "while reading {}", source);
        environment.definition.name = conda::Written{shared.name, {}};
        environment.definition.version = conda::Written{shared.version, {}};
    }
    return environment;
}

std::vector<EnvironmentPart> parts_of(const EnvironmentInputs& inputs) {
    using Kind = EnvironmentPart::Kind;
    std::vector<EnvironmentPart> parts;
    if (inputs.base) {
        parts.push_back({Kind::image, inputs.base->manifest.digest, "the base " + inputs.base->name}
        );
    }
    if (inputs.docker) {
        for (const auto& [name, manifest] : inputs.docker->images) {
            parts.push_back({Kind::image, manifest.digest, "the image " + name});
        }
        parts.push_back({Kind::context, inputs.docker->context, "the build context"});
    }
    return parts;
}

Result<KeptParts> find_parts(store::Store& store, const EnvironmentInputs& inputs) {
    KeptParts found;
    for (EnvironmentPart& part : parts_of(inputs)) {
        if (part.kind == EnvironmentPart::Kind::context) {
            TRY_ASSIGN(const bool known, store.index().has_context(part.digest));
            if (known) {
                found.keeps.push_back(part.digest);
            } else {
                found.lacking.push_back(std::move(part));
            }
            continue;
        }
        TRY_ASSIGN(const auto blobs, find_image_blobs(store, part.digest));
        if (blobs) {
            found.keeps.insert(found.keeps.end(), blobs->begin(), blobs->end());
        } else {
            found.lacking.push_back(std::move(part));
        }
    }
    return found;
}

}  // namespace kiln::daemon
