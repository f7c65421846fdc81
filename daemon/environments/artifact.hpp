#pragma once

#include "daemon/build/artifact.hpp"
#include "daemon/environments/creation.hpp"
#include "store/environments.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// A definition with the texts it was made from, attached to its image: with the lock that is
/// attached as well, and the build context where there is one (build/context_packs.hpp), one graph
/// that another daemon takes in as the same environment.
inline constexpr std::string_view k_environment_artifact =
    "application/vnd.kiln.environment.v1+json";

/// What an artifact tells of an environment.
struct SharedEnvironment {
    std::string name;  // empty: anonymous
    std::string version;
    std::string curated_from;  // empty: the user's own
    Digest hash;
    std::string inputs;
    std::string notes;
};

/// Writes the artifact of a version; kept by the lease, not recorded. Thread   the pool.
Result<store::Referrer> keep_environment_artifact(
    store::Store& store,
    const store::Lease& lease,
    const store::EnvironmentVersion& version,
    const Descriptor& image
);

/// Inverse of keep_environment_artifact(). `source` is where it came from, for messages.
Result<SharedEnvironment> read_shared_environment(
    const Artifact& artifact, const std::string& source
);

/// The definition, checked against the hash that it came with.
/// Errors   digest_mismatch; permission: the name is reserved for curated ones.
Result<ResolvedEnvironment> resolve_shared_environment(
    const SharedEnvironment& shared, DefinitionRules::Reserved reserved, const std::string& source
);

/// A part of what a build of an environment needs, and what it is called.
struct EnvironmentPart {
    enum class Kind : std::uint8_t { image, context };

    Kind kind = Kind::image;
    Digest digest;  // of a manifest, or of a listing
    std::string what;
};

/// The images and the context that a build begins with.
std::vector<EnvironmentPart> parts_of(const EnvironmentInputs& inputs);

/// Those objects of parts_of() that are durably here, for the version to keep.
/// Shape    `lacking` has the parts that are not here, or not whole.
struct KeptParts {
    std::vector<Digest> keeps;
    std::vector<EnvironmentPart> lacking;
};

Result<KeptParts> find_parts(store::Store& store, const EnvironmentInputs& inputs);

}  // namespace kiln::daemon
