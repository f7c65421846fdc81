#pragma once

#include "layers/conda/installed/installed_environment.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kiln::conda {

enum class PathFault : std::uint8_t {
    missing,  // the record names it, and nothing lies there
    type,     // a file where a symlink should be, or the like
    content,  // its bytes are not those of the record
};

/// A path that is not as its record says.
struct PathFinding {
    std::string package;  // "numpy-1.26.4-py311h64a7726_0"
    std::string path;     // relative to the prefix
    PathFault fault = PathFault::missing;
    std::string expected = {};  // hex of the sha256 by the record; empty but for `content`
    std::string found = {};     // and of what lies there
    /// The layer that put there what is wrong, or took away what was right; nullopt: no layer ever
    /// had the path.
    std::optional<std::size_t> layer = std::nullopt;
    bool operator==(const PathFinding&) const = default;
};

struct Verification {
    std::size_t packages = 0;
    std::size_t paths = 0;              // that were looked at
    std::size_t unchecked = 0;          // of them, those whose content no record tells
    std::vector<PathFinding> findings;  // by package and path
    /// What lies below the prefix and in no record, relative to it, sorted: no fault, for pip and
    /// users put files there. Without conda-meta, directories and compiled modules.
    std::vector<std::string> extra;
    bool operator==(const Verification&) const = default;
};

/// The sha256 of a file of the image.
using ContentDigest = std::function<Digest(const tree::Node& file)>;

/// By the tables of the layers: no content is read.
inline Digest listed_digest(const tree::Node& file) {
    return file.row.content;
}

/// Each installed path against its record. A path of several packages is right when it is as one of
/// them says; two versions of one package are one, and the record of one of them is wrong. Symlinks
/// are not held against a digest (cep-34: it is that of their target). What was compiled at
/// installation may be missing.
Verification verify(
    const InstalledEnvironment& environment,
    const tree::FileTree& tree,
    const ContentDigest& digest = listed_digest
);

/// The files whose digests verify() asks for, each once, by layer and in the order of its tar: for
/// who wants to hash them again.
std::vector<tree::Node> recorded_files(
    const InstalledEnvironment& environment, const tree::FileTree& tree
);

}  // namespace kiln::conda
