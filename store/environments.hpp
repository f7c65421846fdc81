#pragma once

#include "store/base/error.hpp"
#include "store/environment_records.hpp"
#include "store/index.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::store {

/// The part of the index that knows environments; a view, cheap to make. Each change is one
/// transaction, so that of several who want the same version one gets it.
/// Errors   those of the index. Thread   any.
class Environments {
  public:
    explicit Environments(Index& index)
        : index_(&index) {}

    /// What of a version that is found the hash does not cover: comments, notes, routes.
    enum class Words : std::uint8_t {
        kept,
        replaced,  // where its `inputs` are others: by these and `notes`
    };

    /// With a version: there it is added, or is found with the same hash. Without: the latest one
    /// of the name when it has the same hash, else the next whole number. Errors   conflict: the
    /// version has another definition.
    Result<AddedVersion> add(
        EnvironmentVersion version,
        const std::vector<EnvironmentDocument>& documents,
        Words words = Words::kept
    );

    /// Without a version the latest that is not archived, or else the latest.
    [[nodiscard]] Result<std::optional<EnvironmentVersion>> find(
        std::string_view workspace, std::string_view name, std::string_view version
    ) const;
    /// Those of a name, the newest first.
    [[nodiscard]] Result<std::vector<EnvironmentVersion>> history(
        std::string_view workspace, std::string_view name, const HistoryPage& page = {}
    ) const;
    /// The latest version of each name, sorted by name; anonymous ones are left out.
    [[nodiscard]] Result<std::vector<EnvironmentVersion>> latest(
        std::string_view workspace, bool with_archived
    ) const;
    [[nodiscard]] Result<std::vector<std::string>> workspaces() const;  // sorted
    /// Those of all workspaces that have this definition.
    [[nodiscard]] Result<std::vector<EnvironmentVersion>> with_hash(const Digest& hash) const;

    /// By who edits the notes of a version.
    using EditNotes = std::function<Result<std::string>(std::string_view notes)>;
    /// Puts what `edit` makes of the notes in their place; nobody else changes them meanwhile.
    /// Errors   not_found; those of `edit`.
    Result<void> edit_notes(const EnvironmentVersion& version, const EditNotes& edit);
    Result<void> set_archived(const EnvironmentVersion& version, bool archived);
    /// Of every version of the name.
    Result<void> set_all_archived(std::string_view workspace, std::string_view name, bool archived);
    /// Keeps `difference` and `compared` of each, and nothing else.
    Result<void> keep_differences(std::span<const EnvironmentVersion> versions);

    /// Errors   corrupt when there is none.
    [[nodiscard]] Result<std::string> document(const Digest& digest) const;

    /// The one in use first.
    [[nodiscard]] Result<std::vector<EnvironmentImage>> images(const Digest& hash) const;
    /// The images in use of all versions of the workspace, or of one name, by the hash.
    [[nodiscard]] Result<std::map<Digest, EnvironmentImage>> images_in_use(
        std::string_view workspace, const std::optional<std::string>& name
    ) const;
    /// What an image was built for.
    [[nodiscard]] Result<std::vector<EnvironmentImage>> images_with_digest(const Digest& image
    ) const;
    /// Gives it the next ordinal; the same image as the one in use adds nothing.
    Result<EnvironmentImage> add_image(
        EnvironmentImage image, const std::optional<EnvironmentDocument>& lock
    );

    [[nodiscard]] Result<std::optional<Digest>> find_lock(const Digest& key) const;
    enum class Keep : std::uint8_t { first, latest };
    /// The lock that is kept under the key from now on: with Keep::first the one that was there.
    Result<Digest> keep_lock(
        const Digest& key, const EnvironmentDocument& lock, UnixSeconds now, Keep which
    );

    /// Its id. Of more than k_kept_runs the oldest is forgotten.
    Result<std::uint64_t> add_run(const EnvironmentRun& run);
    /// Nothing where it has been forgotten meanwhile.
    Result<void> end_run(std::uint64_t id, const RunEnd& end);
    /// The newest first; of one image, or of all.
    [[nodiscard]] Result<std::vector<EnvironmentRun>> runs(
        const std::optional<Digest>& image, std::size_t at_most
    ) const;

    [[nodiscard]] Result<std::vector<EnvironmentRun>> runs_of(
        const RunEnvironment& environment, std::size_t at_most
    ) const;

    /// All that versions keep, for the collector.
    [[nodiscard]] Result<std::vector<Digest>> kept() const;

  private:
    Index* index_;
};

}  // namespace kiln::store
