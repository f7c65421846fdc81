#pragma once

#include "layers/conda/input/specification.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/conda/scripts/link_script_policy.hpp"
#include "layers/oci/platform.hpp"
#include "store/base/error.hpp"
#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kiln::daemon {

inline constexpr std::string_view k_environment_schema = "kiln.environment/v1";

/// Docker steps as far as they decide what comes out.
struct ResolvedBuild {
    Digest context;     // of the listing, after .dockerignore
    Digest dockerfile;  // of its text: it may be ignored and still be built
    std::string dockerfile_path;
    std::map<std::string, std::string> args;
    /// What each FROM and `COPY --from` names outside of the file, as written there, and the
    /// manifest it stands for today.
    std::map<std::string, Digest> images;
};

/// An environment.yml or list, read for the platform; `files` are those that lines of its pip part
/// name (wheels, requirement files), as written.
struct ResolvedSpecification {
    conda::Specification specification;
    std::map<std::string, Digest> files = {};
};

/// All that a definition's identity depends on, after what it names was looked up. Name, version,
/// description, tags, properties, inference_config and auto_rebuild have no place here.
struct ResolvedDefinition {
    std::optional<Digest> base;  // the manifest of `image` for the platform
    std::optional<ResolvedBuild> build;
    std::variant<std::monostate, ResolvedSpecification, conda::Lock> conda;
    oci::Platform platform;
    std::string prefix;
    bool activate = false;                 // of a conda environment
    conda::LinkScriptPolicy link_scripts;  // the same
};

/// The canonical record: JSON in one line, keys sorted, no number; and its sha256, which is the
/// definition hash. Equal definitions have equal texts, whatever they were written like.
///
/// Counted      base digest; context, Dockerfile and its path, build arguments, images it names;
///              channels and dependencies in their order (as MatchSpec, so spelling is none),
///              nodefaults, pip lines in their order, files they name, variables; of a lock each
///              package's name, version, build and hash, and the pip part, as sets, and the
///              variables that it sets; platform, prefix; whether it is activated in the build, and
///              whose link scripts run.
/// Not counted  the specification's own name, prefix, platforms and category; comments, white
///              space, order of keys; of a lock URLs, order, platform line and inputs; credentials.
struct CanonicalRecord {
    std::string text;
    Digest hash;
};

/// Errors   invalid_input with the place: a dependency that is no MatchSpec, a package of a lock
///          without any hash or name, a lock of another platform.
Result<CanonicalRecord> canonical_record(const ResolvedDefinition& definition);

/// The record's text read again. Errors   corrupt: it is none, of another version, or not
/// canonical.
Result<json::Value> parse_canonical_record(std::string_view text);

/// What stands in the image: the definition, the packages it was resolved to with their hashes, the
/// pip part, and the target's virtual packages ("__glibc=2.36=0", in any order).
/// Errors   as canonical_record(), of the lock.
Result<Digest> lock_hash(
    const Digest& definition_hash,
    const conda::Lock& lock,
    std::span<const std::string> virtual_packages
);

/// Under which a lock is kept and found again, however the channels have moved.
struct LockKeyInputs {
    /// Its dependencies, pip part and the files that names; variables decide no package.
    const ResolvedSpecification& wanted;
    std::vector<std::string> channels;  // in effect: all of them, in their order
    std::string channel_priority;       // "strict"
    oci::Platform platform;
    std::string prefix;
    std::vector<std::string> virtual_packages;  // of the target, in any order
    bool follows_channel_relations = true;      // how far makes no other lock, only errors
};

/// Errors   invalid_input with the place: a dependency that is no MatchSpec.
Result<Digest> lock_key(const LockKeyInputs& inputs);

/// "kiln/env_" and the first 32 hex digits of the definition hash; "…-1" for an older image of it.
std::string environment_image_name(const Digest& definition_hash, unsigned older = 0);

}  // namespace kiln::daemon
