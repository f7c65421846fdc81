#include "daemon/environments/inputs.hpp"

namespace kiln::daemon {
namespace {

using json::Object;
using json::ObjectReader;
using json::UnknownFields;
using json::Value;

Value render_text(const std::optional<NamedText>& text) {
    return text ? Value(text->to_json()) : Value(nullptr);
}

Value render_descriptor(const Descriptor& descriptor) {
    return Object{
        {"media_type", descriptor.media_type},
        {"digest", descriptor.digest.render()},
        {"size_bytes", descriptor.size_bytes}};
}

Value render_base(const std::optional<PinnedImage>& base) {
    if (!base) {
        return nullptr;
    }
    return Object{{"name", base->name}, {"manifest", render_descriptor(base->manifest)}};
}

Value render_docker(const std::optional<DockerInputs>& docker) {
    if (!docker) {
        return nullptr;
    }
    Object images;
    for (const auto& [name, manifest] : docker->images) {
        images.emplace(name, render_descriptor(manifest));
    }
    return Object{
        {"dockerfile", docker->dockerfile.to_json()},
        {"ignore", render_text(docker->ignore)},
        {"context", docker->context.render()},
        {"images", std::move(images)}};
}

Result<NamedText> read_text(const Value& value) {
    return NamedText::parse(value, "a text of an environment");
}

Result<std::optional<NamedText>> read_optional_text(const Value* value) {
    if (value == nullptr) {
        return std::optional<NamedText>();
    }
    TRY_ASSIGN(NamedText text, read_text(*value));
    return std::optional(std::move(text));
}

Result<Descriptor> read_descriptor(const Value& value) {
    ObjectReader in(value, "an image of an environment");
    Descriptor descriptor{.media_type = in.text("media_type")};
    const std::string digest = in.text("digest");
    descriptor.size_bytes = in.number("size_bytes");
    TRY(in.finish(UnknownFields::refuse));
    TRY_ASSIGN(descriptor.digest, Digest::parse(digest));
    return descriptor;
}

Result<PinnedImage> read_base(const Value& value) {
    ObjectReader in(value, "the base of an environment");
    PinnedImage base{.name = in.text("name"), .manifest = {}};
    const Value* manifest = in.find("manifest");
    TRY(in.finish(UnknownFields::refuse));
    if (manifest == nullptr) {
        return fail(Code::corrupt, "the base of an environment has no manifest");
    }
    TRY_ASSIGN(base.manifest, read_descriptor(*manifest));
    return base;
}

Result<DockerInputs> read_docker(const Value& value) {
    ObjectReader in(value, "the Docker steps of an environment");
    DockerInputs docker;
    const Value* dockerfile = in.find("dockerfile");
    const Value* ignore = in.find("ignore");
    const std::string context = in.text("context");
    const Value* images = in.find("images");
    TRY(in.finish(UnknownFields::refuse));
    if (dockerfile == nullptr || images == nullptr || !images->is_object()) {
        return fail(Code::corrupt, "the Docker steps of an environment are not complete");
    }
    TRY_ASSIGN(docker.dockerfile, read_text(*dockerfile));
    TRY_ASSIGN(docker.ignore, read_optional_text(ignore));
    TRY_ASSIGN(docker.context, Digest::parse(context));
    for (const auto& [name, manifest] : images->get_object()) {
        TRY_ASSIGN(docker.images[name], read_descriptor(manifest));
    }
    return docker;
}

Result<EnvironmentInputs> read_inputs(const Value& value) {
    ObjectReader in(value, "the inputs of an environment");
    EnvironmentInputs inputs;
    const Value* definition = in.find("definition");
    const Value* base = in.find("base");
    const Value* docker = in.find("docker");
    const Value* conda = in.find("conda");
    inputs.default_channels = in.texts_or_empty("default_channels");
    TRY(in.finish(UnknownFields::refuse));
    if (definition == nullptr) {
        return fail(Code::corrupt, "the inputs of an environment have no definition");
    }
    TRY_ASSIGN(inputs.definition, read_text(*definition));
    if (base != nullptr) {
        TRY_ASSIGN(inputs.base, read_base(*base));
    }
    if (docker != nullptr) {
        TRY_ASSIGN(inputs.docker, read_docker(*docker));
    }
    TRY_ASSIGN(inputs.conda, read_optional_text(conda));
    return inputs;
}

}  // namespace

std::vector<PinnedImage> EnvironmentInputs::bases() const {
    std::vector<PinnedImage> bases;
    if (base) {
        bases.push_back(*base);
    }
    if (docker) {
        for (const auto& [name, manifest] : docker->images) {
            bases.push_back({name, manifest});
        }
    }
    return bases;
}

std::string EnvironmentInputs::render() const {
    return json::render(Object{
        {"definition", definition.to_json()},
        {"base", render_base(base)},
        {"docker", render_docker(docker)},
        {"conda", render_text(conda)},
        {"default_channels", json::from_texts(default_channels)}});
}

Result<EnvironmentInputs> EnvironmentInputs::parse(std::string_view text) {
    const auto read = [text]() -> Result<EnvironmentInputs> {
        TRY_ASSIGN(const Value value, json::parse(text, "the inputs of an environment"));
        return read_inputs(value);
    };
    auto inputs = read();
    if (!inputs) {
        inputs.error().code = Code::corrupt;
    }
    return inputs;
}

}  // namespace kiln::daemon
