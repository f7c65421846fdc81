#pragma once

#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kiln::conda {

/// The files that a lock's packages of pip come as: each to be fetched, or sent by the client, and
/// held against its sha256, like a package of conda. In the order of PipEntry.
/// Errors   unsupported with the place: editable installs, version control, directories of sources,
///          which no hash pins; invalid_input: no sha256, or a name that no wheel can have.
Result<std::vector<LockEntry>> pip_files(const Lock& lock);

/// All files of a lock: its conda packages, then those of pip. Errors   those of pip_files().
Result<std::vector<LockEntry>> files_of(const Lock& lock);

/// One file that a run of pip reads: a text of ours, or the content of an entry of pip_files().
struct PipFile {
    std::string path;  // in the image, without '/' in front
    std::string text;
    std::optional<std::size_t> entry;  // index into pip_files(), instead of `text`
};

/// A command in the environment, with the files it reads: they lie below all layers of the image
/// while it runs, and no layer has them.
struct PipRun {
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment;  // sorted by name
    std::string working_directory;
    std::vector<PipFile> files;  // in the canonical order of a layer, directories left out
};

/// How an environment's own pip installs exactly what the lock names: no index, no dependencies,
/// nothing compiled, no cache, nothing of a configuration. nullopt: the lock has nothing of pip.
/// Errors   those of pip_files().
Result<std::optional<PipRun>> plan_pip_install(const Lock& lock, const std::string& prefix);

/// Compiles what that run installed.
PipRun plan_pip_compile(const std::string& prefix);

/// What every python of kiln's runs with: no bytecode, no user site, no configuration of pip.
std::vector<std::pair<std::string, std::string>> pip_environment();

}  // namespace kiln::conda
