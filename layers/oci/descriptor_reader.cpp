#include "layers/oci/descriptor_reader.hpp"

#include "layers/oci/media_type.hpp"
#include "store/base/base64.hpp"
#include "store/base/limits.hpp"

#include <algorithm>
#include <cstdint>

namespace kiln::oci {
namespace {

bool is_lower_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alphanumeric(char c) {
    return is_lower_alphanumeric(c) || (c >= 'A' && c <= 'Z');
}

/// image-spec descriptor.md, "Digests": algorithm, ':' and what encodes the hash.
bool is_digest_text(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return false;
    }
    bool in_word = false;  // a separator stands between two words
    for (const char c : text.substr(0, colon)) {
        const bool separator = c == '+' || c == '.' || c == '_' || c == '-';
        if (separator ? !in_word : !is_lower_alphanumeric(c)) {
            return false;
        }
        in_word = !separator;
    }
    const std::string_view encoded = text.substr(colon + 1);
    return in_word && !encoded.empty() && std::all_of(encoded.begin(), encoded.end(), [](char c) {
               return is_alphanumeric(c) || c == '=' || c == '_' || c == '-';
           });
}

bool is_uri(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view scheme = text.substr(0, colon);
    return colon != std::string_view::npos && !scheme.empty() && is_alphanumeric(scheme.front())
           && std::all_of(scheme.begin(), scheme.end(), [](char c) {
                  return is_alphanumeric(c) || c == '+' || c == '-' || c == '.';
              });
}

void refuse(json::ObjectReader& in, std::string_view key, std::string_view why) {
    in.refuse(Error{
        .code = Code::invalid_input,
        .message = fmt::format("\"{}\" of {} is not {}", key, in.what(), why)});
}

}  // namespace

Annotations read_annotations(json::ObjectReader& in) {
    Annotations annotations = in.text_map_or_empty("annotations");
    if (annotations.size() > k_annotations) {
        in.refuse(Error{
            .code = Code::too_large,
            .message = fmt::format(
                "{} has {} annotations; at most {} are read",
                in.what(),
                annotations.size(),
                k_annotations
            )});
    }
    return annotations;
}

std::string read_media_type(json::ObjectReader& in, std::string_view key) {
    const std::optional<std::string> text = in.optional_text(key);
    if (text && !is_media_type(*text)) {
        refuse(in, key, "a media type");
    }
    return text.value_or("");
}

Result<LinkedDescriptor> DescriptorReader::read(const json::Value& value, const std::string& what) {
    json::ObjectReader in(value, what);
    LinkedDescriptor linked;
    linked.descriptor.media_type = in.text("mediaType");
    if (!is_media_type(linked.descriptor.media_type)) {
        refuse(in, "mediaType", "a media type");
    }
    linked.descriptor.size_bytes = in.number("size");
    if (linked.descriptor.size_bytes > static_cast<std::uint64_t>(INT64_MAX)) {
        refuse(in, "size", "a size: it is beyond 2^63");
    }
    const std::string digest = in.text("digest");
    if (!is_digest_text(digest)) {
        refuse(in, "digest", "a digest");
    } else if (!digest.starts_with("sha256:")) {
        unsupported_ = Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "\"digest\" of {} is {}; only sha256 is supported", what, digest.substr(0, 128)
            )};
    } else if (auto parsed = Digest::parse(digest)) {
        linked.descriptor.digest = *parsed;
    } else {
        in.refuse(parsed.error());
    }
    linked.artifact_type = read_media_type(in, "artifactType");
    linked.annotations = read_annotations(in);
    const std::vector<std::string> urls = in.texts_or_empty("urls");
    if (!std::all_of(urls.begin(), urls.end(), is_uri)) {
        refuse(in, "urls", "a list of URLs");
    }
    if (!parse_base64(in.text_or("data", ""))) {
        refuse(in, "data", "base64");
    }
    if (const json::Value* platform = in.find("platform")) {
        auto parsed = Platform::from_json(*platform, "the platform of " + what);
        if (parsed) {
            linked.platform = std::move(*parsed);
        } else {
            in.refuse(parsed.error());
        }
    }
    TRY(in.finish(json::UnknownFields::ignore));
    return linked;
}

Result<std::optional<LinkedDescriptor>> DescriptorReader::read_field(
    json::ObjectReader& document, std::string_view key
) {
    const json::Value* value = document.find(key);
    if (value == nullptr) {
        return std::optional<LinkedDescriptor>();
    }
    TRY_ASSIGN(auto linked, read(*value, fmt::format("the {} of {}", key, document.what())));
    return std::optional(std::move(linked));
}

Result<void> DescriptorReader::finish() {
    if (unsupported_) {
        return fail(*unsupported_);
    }
    return {};
}

Result<json::Value> parse_document(ByteSpan bytes, std::string_view what) {
    if (bytes.size() > limits::k_document_bytes) {
        return fail(
            Code::too_large,
            "{} has {}; at most {} are read",
            what,
            render_size(bytes.size()),
            render_size(limits::k_document_bytes)
        );
    }
    TRY_ASSIGN(json::Value value, json::parse(as_text(bytes), what));
    json::ObjectReader in(value, std::string(what));
    const std::uint64_t version = in.number("schemaVersion");
    if (in.find("layers") != nullptr && in.find("manifests") != nullptr) {
        in.refuse(Error{
            .code = Code::invalid_input,
            .message =
                fmt::format("{} has both \"layers\" and \"manifests\": it is ambiguous", what)});
    }
    TRY(in.finish(json::UnknownFields::ignore));
    if (version == 1) {
        return fail(Code::unsupported, "{} is of schema version 1, which is not supported", what);
    }
    if (version != 2) {
        return fail(Code::invalid_input, "\"schemaVersion\" of {} must be 2", what);
    }
    return value;
}

json::Object descriptor_to_json(const Descriptor& descriptor) {
    json::Object object;
    object["mediaType"] = descriptor.media_type;
    object["digest"] = descriptor.digest.render();
    object["size"] = descriptor.size_bytes;
    return object;
}

Result<LinkedDescriptor> LinkedDescriptor::from_json(
    const json::Value& value, const std::string& what
) {
    DescriptorReader reader;
    TRY_ASSIGN(auto linked, reader.read(value, what));
    TRY(reader.finish());
    return linked;
}

json::Object LinkedDescriptor::to_json() const {
    json::Object object = descriptor_to_json(descriptor);
    if (!annotations.empty()) {
        object["annotations"] = json::from_text_map(annotations);
    }
    if (platform) {
        object["platform"] = platform->to_json();
    }
    if (!artifact_type.empty()) {
        object["artifactType"] = artifact_type;
    }
    return object;
}

}  // namespace kiln::oci
