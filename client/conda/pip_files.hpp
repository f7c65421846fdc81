#pragma once

#include "client/conda/lock_files.hpp"
#include "client/wire/conda.hpp"
#include "store/base/error.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

/// What this machine has under the paths that a pip part names, as kilnd asks for them: relative to
/// the specification's directory unless absolute. Nothing is opened that does not stand in the
/// specification, or in a file of requirements that stands there.
class PipFiles {
  public:
    /// `input` is its name as the user gave it: the directory that names count from.
    PipFiles(const std::string& input, std::string text);

    struct Found {
        /// Of a file: itself. Of a directory: its wheels and archives of sources.
        std::optional<wire::PipPath> path;
        std::vector<LockFileEntry> files;  // to be hashed; as_written is the name in `path`
    };

    /// Errors   permission: a path that the user did not name; those of the files.
    Result<Found> find(const std::string& asked);

    /// Files of the user's that a lock may name after this: those found.
    [[nodiscard]] const std::map<std::string, std::string>& urls() const { return urls_; }

  private:
    [[nodiscard]] bool is_named(const std::string& asked) const;

    std::string directory_;                     // with '/' at its end, or empty
    std::map<std::string, std::string> texts_;  // by the directory that their names count from
    std::map<std::string, std::string> urls_;   // URL of a file -> its path
};

/// What the daemon asks for of a lock that was made here: packages of `channels` and of those that
/// the specification names, and wheels that its pip part was found to name (`pip_files`: URL ->
/// path).
/// Errors   those of wanted_packages().
Result<std::vector<LockFileEntry>> wanted_after_locking(
    const std::vector<std::string>& entries,
    const std::map<std::string, std::string>& pip_files,
    const std::vector<std::string>& channels,
    std::string_view specification
);

}  // namespace kiln::client
