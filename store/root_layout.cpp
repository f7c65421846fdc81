#include "store/root_layout.hpp"

#include "store/base/json_rows.hpp"
#include "store/base/limits.hpp"
#include "store/object_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

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

/// An object without its end: more fields may follow.
void append_descriptor(std::string& out, const Descriptor& descriptor) {
    out += R"({"mediaType":)";
    json::append_quoted(out, descriptor.media_type);
    out += fmt::format(
        R"(,"digest":"{}","size":{})", descriptor.digest.render(), descriptor.size_bytes
    );
}

}  // namespace

std::string render_index_json(
    const std::vector<Ref>& refs, const std::vector<Referrer>& referrers
) {
    std::string text =
        fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[)", k_index_type);
    std::set<Digest> named;
    std::string_view separator;
    for (const Ref& ref : refs) {
        text += std::exchange(separator, ",");
        append_descriptor(text, ref.target);
        text += fmt::format(R"(,"annotations":{{"{}":)", k_ref_name);
        json::append_quoted(text, ref.name);
        text += "}}";
        named.insert(ref.target.digest);
    }
    for (const Referrer& referrer : referrers) {
        if (named.contains(referrer.subject)) {
            text += std::exchange(separator, ",");
            append_descriptor(text, referrer.manifest);
            text += R"(,"artifactType":)";
            json::append_quoted(text, referrer.artifact_type);
            text += '}';
        }
    }
    return text + "]}";
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
