#pragma once

#include "layers/oci/manifest.hpp"
#include "store/base/json.hpp"

#include <optional>
#include <string>

namespace kiln::oci {

/// Reads the descriptors of one document. A digest that is valid but not sha256 is told last, by
/// finish(): what breaks the format matters more than what we cannot hash.
class DescriptorReader {
  public:
    Result<LinkedDescriptor> read(const json::Value& value, const std::string& what);
    /// A field of the document; nullopt when it is absent.
    Result<std::optional<LinkedDescriptor>> read_field(
        json::ObjectReader& document, std::string_view key
    );
    Result<void> finish();

  private:
    std::optional<Error> unsupported_;
};

/// "annotations" of an object, at most k_annotations. A failure goes to the reader.
Annotations read_annotations(json::ObjectReader& in);
/// A media type that may be absent: "" then. A failure goes to the reader.
std::string read_media_type(json::ObjectReader& in, std::string_view key);

/// The document's object, after the checks that manifests and indexes share: size, JSON,
/// schemaVersion 2, and not both of "layers" and "manifests" in one document: two readers could
/// take it for two different things (CVE-2021-41190).
Result<json::Value> parse_document(ByteSpan bytes, std::string_view what);

json::Object descriptor_to_json(const Descriptor& descriptor);

}  // namespace kiln::oci
