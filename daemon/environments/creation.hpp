#pragma once

#include "daemon/build/bases.hpp"
#include "daemon/environments/canonical.hpp"
#include "daemon/environments/inputs.hpp"
#include "daemon/environments/request.hpp"
#include "daemon/environments/workspace.hpp"
#include "daemon/services.hpp"
#include "store/environments.hpp"

#include <string>
#include <vector>

namespace kiln::daemon {

/// A definition with all that it names looked up, ready to be named.
struct ResolvedEnvironment {
    EnvironmentDefinition definition;
    EnvironmentInputs inputs;
    CanonicalRecord record;
    std::vector<Digest> keeps;  // what of the store a build of it needs
};

/// Errors   invalid_input: the URL of its context has a password in it, which would be kept, shown
///          and shared with the definition.
Result<void> refuse_password(const EnvironmentDefinition& definition);

/// Looks the images up that the definition names, and reads its specification or lock.
/// Errors   those of bases.find(), with the place; those of the texts.
/// Thread   the pool. `lease` keeps the images until the version is added.
Result<ResolvedEnvironment> resolve_environment(
    BaseResolver& bases,
    const store::Lease& lease,
    const EnvironmentRequest& request,
    const EnvironmentDefinition& definition,
    const WorkspaceSettings& workspace
);

/// Whether an environment's image is used as a base that should not be used any more.
/// Errors   conflict with the place and a hint: a base is the image of an environment whose every
///          version is archived. Versions that stand on it already still build.
Result<void> refuse_archived_bases(
    const store::Environments& environments, const ResolvedEnvironment& environment
);

/// Errors   invalid_input: a password or token in its text, which would be kept and shared; those
///          of plan_lock(): what no build of it could ever do, such as a channel that is none.
Result<void> check_specification(
    const ResolvedEnvironment& environment, const CondaSettings& settings
);

/// Who adds a version, and when.
struct Addition {
    std::string workspace;
    std::string curated_from;  // empty: the user's own
    std::uint32_t author = 0;
    UnixSeconds now = 0;
    bool is_anonymous = false;
    /// Of a version that is there already: replaced by whoever says it, kept by what only passes it
    /// on.
    store::Environments::Words words = store::Environments::Words::kept;
};

/// Gives a definition its place in the index. The same definition under the same name is the same
/// version: Addition::words says what becomes of its text and notes.
/// Errors   conflict: the version exists with another definition, or the name of a curated one is
///          taken; permission: the name is reserved or a curated environment's; too_large: the
///          workspace is full.
Result<store::AddedVersion> add_environment(
    store::Store& store,
    const ResolvedEnvironment& environment,
    const Addition& addition,
    const WorkspaceSettings& workspace
);

/// Gives a curated version that was there already the notes of its source.
Result<void> follow_notes(
    store::Environments& environments, store::AddedVersion& added, const std::string& notes
);

/// What a version's notes hold: the texts that may change.
struct EnvironmentNotes {
    std::string description;
    std::map<std::string, std::string> tags;
    std::map<std::string, std::string> properties;

    static Result<EnvironmentNotes> parse(std::string_view text);  // inverse of render()
    [[nodiscard]] std::string render() const;
};

/// "custom", or "curated" with its source behind a space: EnvironmentVersion::origin.
inline constexpr std::string_view k_custom_origin = "custom";
inline constexpr std::string_view k_curated_origin = "curated";

bool is_curated(const store::EnvironmentVersion& version);
/// Errors   conflict: the workspace has an environment of its own under this name, which a curated
///          one does not take.
Result<void> refuse_name_of_own(
    const store::Environments& environments, const std::string& workspace, const std::string& name
);
/// Errors   permission with a hint: it is curated, and used as it is.
Result<void> refuse_curated(const store::EnvironmentVersion& version);

}  // namespace kiln::daemon
