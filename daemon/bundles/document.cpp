#include "daemon/bundles/document.hpp"

#include <algorithm>
#include <set>

namespace kiln::daemon {
namespace {

constexpr std::string_view k_what = "the contents of the bundle";
constexpr std::uint64_t k_format = 1;

Result<BundlePart> read_part(const json::Value& value) {
    json::ObjectReader in(value, "a part of the bundle");
    BundlePart part;
    const std::string digest = in.text("digest");
    part.size_bytes = in.number("size_bytes");
    part.what = in.text("what");
    part.carried = in.boolean_or("carried", true);
    TRY(in.finish(json::UnknownFields::refuse));
    TRY_ASSIGN(part.digest, Digest::parse(digest));
    return part;
}

Result<BundledEnvironment> read_environment(const json::Value& value) {
    json::ObjectReader in(value, "an environment of the bundle");
    BundledEnvironment environment;
    environment.workspace = in.text("workspace");
    environment.reference = in.text("reference");
    const std::string artifact = in.text("artifact");
    TRY(in.finish(json::UnknownFields::refuse));
    TRY_ASSIGN(environment.artifact, Digest::parse(artifact));
    return environment;
}

/// Later readers rely on it: whatever is named is a part.
Result<void> check_references(const BundleDocument& document) {
    std::set<Digest> parts;
    for (const BundlePart& part : document.parts) {
        if (!parts.insert(part.digest).second) {
            return fail(Code::invalid_input, "the bundle has {} twice", part.digest.render());
        }
    }
    std::set<Digest> manifests;
    for (const oci::LinkedDescriptor& linked : document.manifests) {
        const Digest& digest = linked.descriptor.digest;
        manifests.insert(digest);
        if (!parts.contains(digest)) {
            return fail(
                Code::invalid_input, "the bundle names {}, which is no part of it", digest.render()
            );
        }
    }
    for (const BundledEnvironment& environment : document.environments) {
        if (!manifests.contains(environment.artifact)) {
            return fail(
                Code::invalid_input,
                "the bundle tells of {}, which is not in its index",
                environment.reference
            );
        }
    }
    return {};
}

}  // namespace

json::Object BundleDocument::to_json() const {
    json::Array rendered_environments;
    for (const BundledEnvironment& each : environments) {
        rendered_environments.push_back(json::Object{
            {"workspace", each.workspace},
            {"reference", each.reference},
            {"artifact", each.artifact.render()}});
    }
    json::Array rendered_manifests;
    for (const oci::LinkedDescriptor& each : manifests) {
        rendered_manifests.push_back(each.to_json());
    }
    json::Array rendered_parts;
    for (const BundlePart& each : parts) {
        rendered_parts.push_back(json::Object{
            {"digest", each.digest.render()},
            {"size_bytes", each.size_bytes},
            {"what", each.what},
            {"carried", each.carried}});
    }
    return json::Object{
        {"format", k_format},
        {"since", since ? json::Value(since->render()) : json::Value(nullptr)},
        {"environments", std::move(rendered_environments)},
        {"manifests", std::move(rendered_manifests)},
        {"parts", std::move(rendered_parts)}};
}

Result<BundleDocument> BundleDocument::parse(std::string_view text) {
    if (text.size() > k_bundle_document_bytes) {
        return fail(
            Code::too_large, "{} are longer than {} bytes", k_what, k_bundle_document_bytes
        );
    }
    TRY_ASSIGN(const json::Value value, json::parse(text, k_what));
    json::ObjectReader in(value, std::string(k_what));
    BundleDocument document;
    const std::uint64_t format = in.number("format");
    const auto since = in.optional_text("since");
    in.each("environments", [&](const json::Value& each) -> Result<void> {
        TRY_ASSIGN(document.environments.emplace_back(), read_environment(each));
        return {};
    });
    in.each("manifests", [&](const json::Value& each) -> Result<void> {
        TRY_ASSIGN(
            document.manifests.emplace_back(),
            oci::LinkedDescriptor::from_json(each, "an image of the bundle")
        );
        return {};
    });
    in.each("parts", [&](const json::Value& each) -> Result<void> {
        if (document.parts.size() == k_bundle_parts) {
            return fail(Code::too_large, "a bundle has at most {} parts", k_bundle_parts);
        }
        TRY_ASSIGN(document.parts.emplace_back(), read_part(each));
        return {};
    });
    if (format > k_format) {
        return fail(Code::unsupported, "the bundle has format {}, made by a newer kiln", format);
    }
    TRY(in.finish(json::UnknownFields::refuse));
    if (since) {
        TRY_ASSIGN(document.since, Digest::parse(*since));
    }
    TRY(check_references(document));
    return document;
}

const BundlePart* BundleDocument::find(const Digest& digest) const {
    const auto found = std::find_if(parts.begin(), parts.end(), [&](const BundlePart& part) {
        return part.digest == digest;
    });
    return found == parts.end() ? nullptr : &*found;
}

}  // namespace kiln::daemon
