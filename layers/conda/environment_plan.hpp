#pragma once

#include "layers/conda/link.hpp"
#include "layers/conda/package_metadata.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln::conda {

/// Part of every layer's key: raised when the same package would come out as other bytes.
inline constexpr std::string_view k_layer_format = "1";

/// One package of an environment: the bytes, where they came from, and what they say.
struct EnvironmentPackage {
    Digest sha256;
    std::uint64_t size_bytes = 0;
    std::string md5;                           // lower-case hex; may be empty
    bool is_checked = false;                   // against a hash of the lock
    std::string file_name;                     // as in the lock
    std::string url;                           // empty for packages given as files
    std::string channel;                       // base URL (cep-26); empty: what the url says
    std::vector<std::string> requested_specs;  // that the user asked for by name
    PackageMetadata metadata;
    std::optional<Span> where = std::nullopt;  // the lock's line: for what is told, never in a key
};

struct EnvironmentOptions {
    std::string prefix;  // absolute, clean, without '/' at its end: "/opt/env"
    std::optional<std::string> platform =
        std::nullopt;  // when known, packages of other subdirs are refused
    std::map<std::string, std::string> variables = {};  // set on activation
    std::optional<std::string> frozen = std::nullopt;   // why nobody may change it; "": no reason
};

/// All that a package's layer is a function of (house.md, idea 2).
struct PackageLayerInput {
    Digest package;
    std::string prefix;
    std::string site_packages;            // relative to the prefix; empty unless noarch python
    std::string python_minor;             // "3.11"; empty unless noarch python
    std::vector<std::string> lost_paths;  // relative to the prefix; another package's win there

    /// Named ingredients of the cache key, in a fixed order.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> layer_key() const;
    bool operator==(const PackageLayerInput&) const = default;
};

struct PlannedPackage {
    EnvironmentPackage package;
    PackageLayerInput layer;
    /// What a step makes of its .py files once they are linked, relative to the prefix, sorted:
    /// its record names them (cep-32), its layer lacks them.
    std::vector<std::string> compiled = {};
};

/// Where what is linked of a package goes: without the paths that it lost to others.
/// Errors   those of link_targets(); none where a plan has it.
Result<LinkTargets> kept_targets(const PlannedPackage& planned);

struct EnvironmentPlan {
    std::string prefix;
    std::vector<PlannedPackage> packages;  // in link order: what a package depends on comes before
    std::map<std::string, std::string> variables;  // go to conda-meta/state (cep-32)
    std::optional<std::string> frozen;             // goes to conda-meta/frozen (cep-22)
    std::vector<std::string> warnings;             // paths that two packages have

    /// Named ingredients of the key of a package's record in conda-meta.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> record_key(
        const PlannedPackage& planned
    ) const;
    /// The same of what conda-meta holds beside the records.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> head_key() const;
};

/// Decides everything before a byte is written: the order of linking (by depends, otherwise the
/// order given), where noarch python files go, and who wins a path that two packages have (the last
/// one linked, as conda does).
/// Errors   invalid_input: a prefix that is not absolute or longer than a package allows, two
///          packages of one name, noarch python without python, another platform. What is one
///          package's fault has its place.
Result<EnvironmentPlan> plan_environment(
    std::vector<EnvironmentPackage> packages, const EnvironmentOptions& options
);

/// What packages need and the environment lacks, by name: a sentence each. Virtual packages
/// (`__glibc`) are the image's to have. Locks are not solved, so this is told, not refused.
std::vector<std::string> missing_dependencies(const EnvironmentPlan& plan);

}  // namespace kiln::conda
