#pragma once

#include "layers/oci/manifest.hpp"
#include "store/base/error.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// What one bundle may hold: 50 environments of 1,000 packages with their images.
inline constexpr std::size_t k_bundle_parts = 100'000;
inline constexpr std::size_t k_bundle_document_bytes = 64UL << 20U;

/// One blob of a bundle.
struct BundlePart {
    Digest digest;
    std::uint64_t size_bytes = 0;
    std::string what;     // for people: "package numpy-1.26.4-py311_0.conda"
    bool carried = true;  // false: only an older bundle has it
    bool operator==(const BundlePart&) const = default;
};

/// An environment of a bundle: a manifest of k_environment_artifact.
struct BundledEnvironment {
    std::string workspace;
    std::string reference;  // for people: "train:1"
    Digest artifact;
    bool operator==(const BundledEnvironment&) const = default;
};

/// What a bundle is: the layout's index with the names of its images, and every blob that taking it
/// in needs, in the order of the file. The client writes and reads the file around it
/// (client/bundle/), and both know this record.
struct BundleDocument {
    std::optional<Digest> since;  // the document of the older bundle that has the rest
    std::vector<BundledEnvironment> environments;
    std::vector<oci::LinkedDescriptor> manifests;  // as index.json has them
    std::vector<BundlePart> parts;
    bool operator==(const BundleDocument&) const = default;

    [[nodiscard]] json::Object to_json() const;
    /// Inverse of to_json(), rendered.
    /// Errors   invalid_input: no such record, a part twice, a manifest or an environment that is
    ///          no part; unsupported: of a newer kiln; too_large.
    static Result<BundleDocument> parse(std::string_view text);
    /// nullptr: no part has this digest.
    [[nodiscard]] const BundlePart* find(const Digest& digest) const;
};

}  // namespace kiln::daemon
