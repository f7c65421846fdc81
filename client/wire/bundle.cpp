#include "client/wire/bundle.hpp"

#include "client/wire/read.hpp"

namespace kiln::client::wire {
namespace {

constexpr std::uint64_t k_format = 1;

Result<BundlePart> parse_part(const json::Value& value) {
    json::ObjectReader in(value, "a part of the bundle");
    BundlePart part;
    part.digest = read_digest(in, "digest");
    part.size_bytes = in.number("size_bytes");
    part.what = in.text("what");
    part.carried = in.boolean_or("carried", true);
    TRY(in.finish(json::UnknownFields::ignore));
    if (part.size_bytes > k_bundle_part_bytes) {
        return fail(Code::too_large, "a part of the bundle has {} bytes", part.size_bytes);
    }
    return part;
}

Result<BundledEnvironment> parse_environment(const json::Value& value) {
    json::ObjectReader in(value, "an environment of the bundle");
    BundledEnvironment environment;
    environment.workspace = in.text("workspace");
    environment.reference = in.text("reference");
    environment.artifact = read_digest(in, "artifact");
    TRY(in.finish(json::UnknownFields::ignore));
    return environment;
}

Result<NamedText> parse_lock(const json::Value& value) {
    json::ObjectReader in(value, "a lock of the bundle");
    NamedText lock{in.text("name"), in.text("text")};
    TRY(in.finish(json::UnknownFields::ignore));
    return lock;
}

Result<UnbundledImage> parse_image(const json::Value& value) {
    json::ObjectReader in(value, "an image of the bundle");
    UnbundledImage image;
    image.name = in.optional_text("name");
    image.digest = read_digest(in, "digest");
    TRY(in.finish(json::UnknownFields::ignore));
    return image;
}

}  // namespace

json::Object render(const Bundle& bundle) {
    json::Array environments;
    for (const BundledEnvironment& each : bundle.environments) {
        environments.push_back(json::Object{
            {"workspace", each.workspace},
            {"reference", each.reference},
            {"artifact", each.artifact.render()}});
    }
    json::Array parts;
    for (const BundlePart& each : bundle.parts) {
        parts.push_back(json::Object{
            {"digest", each.digest.render()},
            {"size_bytes", each.size_bytes},
            {"what", each.what},
            {"carried", each.carried}});
    }
    return json::Object{
        {"format", k_format},
        {"since", or_null(bundle.since)},
        {"environments", std::move(environments)},
        {"manifests", bundle.manifests},
        {"parts", std::move(parts)}};
}

Result<Bundle> parse_bundle(const json::Value& value) {
    json::ObjectReader in(value, "the contents of the bundle");
    Bundle bundle;
    const std::uint64_t format = in.number("format");
    bundle.since = read_optional_digest(in, "since");
    bundle.environments = read_list<BundledEnvironment>(in, "environments", parse_environment);
    in.each("manifests", [&](const json::Value& each) -> Result<void> {
        bundle.manifests.push_back(each);
        return {};
    });
    bundle.parts = read_list<BundlePart>(in, "parts", parse_part);
    if (format > k_format) {
        return fail(Code::unsupported, "the bundle has format {}: a newer kiln made it", format);
    }
    TRY(in.finish(json::UnknownFields::ignore));
    if (bundle.parts.size() > k_bundle_parts) {
        return fail(Code::too_large, "the bundle has more than {} parts", k_bundle_parts);
    }
    return bundle;
}

json::Value render(const BundleRequest& request) {
    return json::Object{
        {"workspace", request.workspace}, {"names", json::from_texts(request.names)}};
}

Result<BundleAnswer> parse_bundle_answer(const json::Value& value) {
    json::ObjectReader in(value, "the answer to the bundle");
    BundleAnswer answer;
    answer.fetches = read_list<NamedText>(in, "fetches", parse_lock);
    const json::Value* bundle = in.find("bundle");
    TRY(in.finish(json::UnknownFields::ignore));
    if (bundle != nullptr) {
        TRY_ASSIGN(answer.bundle, parse_bundle(*bundle));
    }
    return answer;
}

json::Value render(const UnbundleRequest& request) {
    return json::Object{
        {"document", request.document.render()}, {"workspace", or_null(request.workspace)}};
}

Result<UnbundleAnswer> parse_unbundle_answer(const json::Value& value) {
    json::ObjectReader in(value, "the answer to the bundle");
    UnbundleAnswer answer;
    answer.id = in.optional_text("id");
    answer.needs = read_digests(in, "needs");
    TRY(in.finish(json::UnknownFields::ignore));
    return answer;
}

Result<Unbundled> parse_unbundled(const json::Value& value) {
    json::ObjectReader in(value, "what was unbundled");
    Unbundled unbundled;
    unbundled.images = read_list<UnbundledImage>(in, "images", parse_image);
    unbundled.environments = read_list<EnvironmentRow>(in, "environments", parse_environment_row);
    TRY(in.finish(json::UnknownFields::ignore));
    return unbundled;
}

}  // namespace kiln::client::wire
