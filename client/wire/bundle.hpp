#pragma once

#include "client/wire/build.hpp"
#include "client/wire/environment.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::client::wire {

/// More parts, or larger ones, no bundle has: their sum stays below 2^64.
inline constexpr std::size_t k_bundle_parts = 100'000;
inline constexpr std::uint64_t k_bundle_part_bytes = 1ULL << 44U;

struct BundlePart {
    Digest digest;
    std::uint64_t size_bytes = 0;
    std::string what;     // for people: "package numpy-1.26.4-py311_0.conda"
    bool carried = true;  // false: only an older bundle has it
};

struct BundledEnvironment {
    std::string workspace;
    std::string reference;
    Digest artifact;
};

/// What a bundle is (daemon/bundles/document.hpp). It travels as an answer of kilnd and then in the
/// file, so this record is written here, too.
struct Bundle {
    std::optional<Digest> since;
    std::vector<BundledEnvironment> environments;
    json::Array manifests;  // OCI descriptors, for index.json: passed on as they are
    std::vector<BundlePart> parts;
};

json::Object render(const Bundle& bundle);
Result<Bundle> parse_bundle(const json::Value& value);

struct BundleRequest {
    std::string workspace;
    std::vector<std::string> names;
};

json::Value render(const BundleRequest& request);

/// Either the bundle, or the locks whose packages must be fetched before.
struct BundleAnswer {
    std::vector<NamedText> fetches;
    std::optional<Bundle> bundle;
};

Result<BundleAnswer> parse_bundle_answer(const json::Value& value);

struct UnbundleRequest {
    Digest document;
    std::optional<std::string> workspace;
};

json::Value render(const UnbundleRequest& request);

/// Either the job's id, or what of the bundle is lacking.
struct UnbundleAnswer {
    std::optional<std::string> id;
    std::vector<Digest> needs;
};

Result<UnbundleAnswer> parse_unbundle_answer(const json::Value& value);

struct UnbundledImage {
    std::optional<std::string> name;
    Digest digest;
};

/// The report of a job that took a bundle in.
struct Unbundled {
    std::vector<UnbundledImage> images;
    std::vector<EnvironmentRow> environments;
};

Result<Unbundled> parse_unbundled(const json::Value& value);

}  // namespace kiln::client::wire
