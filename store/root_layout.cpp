#include "store/root_layout.hpp"

#include "store/base/json.hpp"
#include "store/base/limits.hpp"
#include "store/object_folder.hpp"

#include <algorithm>
#include <set>

namespace kiln::store {
namespace {

constexpr std::string_view k_ref_name = "org.opencontainers.image.ref.name";
constexpr std::string_view k_index_type = "application/vnd.oci.image.index.v1+json";
/// 250,000 refs; it is compared, never parsed.
constexpr std::size_t k_index_json_bytes = 64 * limits::k_mib;

/// nullopt for what has no name: it refers to something that has.
Result<std::optional<Ref>> read_entry(const json::Value& value) {
    json::ObjectReader in(value, "index.json");
    Ref ref;
    ref.target.media_type = in.text("mediaType");
    const std::string digest = in.text("digest");
    ref.target.size_bytes = in.number("size");
    const auto annotations = in.text_map_or_empty("annotations");
    const bool artifact = in.find("artifactType") != nullptr;
    TRY(in.finish(json::UnknownFields::ignore));
    TRY_ASSIGN(ref.target.digest, Digest::parse(digest));
    const auto name = annotations.find(std::string(k_ref_name));
    if (name == annotations.end() && artifact) {
        return std::optional<Ref>();
    }
    if (name == annotations.end()) {
        return fail(Code::invalid_input, "a descriptor in index.json has no name");
    }
    ref.name = name->second;
    return std::optional(std::move(ref));
}

json::Object render_descriptor(const Descriptor& descriptor) {
    return {
        {"mediaType", descriptor.media_type},
        {"digest", descriptor.digest.render()},
        {"size", descriptor.size_bytes}};
}

}  // namespace

std::string render_index_json(
    const std::vector<Ref>& refs, const std::vector<Referrer>& referrers
) {
    json::Array manifests;
    manifests.reserve(refs.size());
    std::set<Digest> named;
    for (const Ref& ref : refs) {
        json::Object descriptor = render_descriptor(ref.target);
        descriptor["annotations"] = json::Object{{k_ref_name, ref.name}};
        manifests.emplace_back(std::move(descriptor));
        named.insert(ref.target.digest);
    }
    for (const Referrer& referrer : referrers) {
        if (named.contains(referrer.subject)) {
            json::Object descriptor = render_descriptor(referrer.manifest);
            descriptor["artifactType"] = referrer.artifact_type;
            manifests.emplace_back(std::move(descriptor));
        }
    }
    json::Object index;
    index["schemaVersion"] = 2;
    index["mediaType"] = k_index_type;
    index["manifests"] = std::move(manifests);
    return json::render(index);
}

Result<std::vector<Ref>> parse_index_json(std::string_view text) {
    TRY_ASSIGN(const json::Value value, json::parse(text, "index.json"));
    json::ObjectReader in(value, "index.json");
    std::vector<Ref> refs;
    in.each("manifests", [&](const json::Value& entry) -> Result<void> {
        TRY_ASSIGN(auto ref, read_entry(entry));
        if (ref) {
            refs.push_back(std::move(*ref));
        }
        return {};
    });
    TRY(in.finish(json::UnknownFields::ignore));
    return refs;
}

Result<void> write_index_json(
    FileLayer& files, int root, int temporary_directory, const std::string& text
) {
    const auto present = read_file_at(root, "index.json", k_index_json_bytes);
    if (present && *present == text) {
        return {};
    }
    const std::string temporary = "index.json";
    TRY(files.unlink(temporary_directory, temporary));
    TRY_ASSIGN(const Fd fd, files.create(temporary_directory, temporary, 0644));
    TRY(files.write(fd.get(), as_bytes(text)));
    return files.rename(temporary_directory, temporary, root, "index.json");
}

}  // namespace kiln::store
