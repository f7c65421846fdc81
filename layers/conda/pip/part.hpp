#pragma once

#include "layers/conda/input/specification.hpp"
#include "layers/conda/pip/install.hpp"
#include "store/base/error.hpp"
#include "store/digest.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_pip_paths = 1'000;  // files and directories that one part names
inline constexpr std::size_t k_pip_directory_files = 20'000;  // in one of them
inline constexpr std::size_t k_requirements_bytes = 1UL << 20U;

/// What the client has under a path that a pip part names: a file, or a directory with its wheels
/// and archives.
struct PipPath {
    std::string url;  // "file:///srv/wheels", of a file its own
    bool is_directory = false;
    std::map<std::string, Digest> files;  // by name; of a file, itself
};

/// By the path as PipPart asks for it; nullopt: there is nothing.
using PipPaths = std::map<std::string, std::optional<PipPath>>;

/// A pip part as pip can read it in a sandbox.
struct PipPart {
    std::vector<std::string> arguments;                    // of the program k_pip_resolve_program
    std::vector<PipFile> files;                            // texts; contents are in `contents`
    std::vector<std::pair<std::string, Digest>> contents;  // path in the image -> blob
    /// "me:password" of URLs, by the variables of the environment that stand in their place in
    /// `files`: those are kept, and pip puts the values in.
    std::map<std::string, std::string> logins;
    /// Places in the image ("/.kiln-pip/local/0") -> the user's, as a URL.
    std::map<std::string, std::string> places;
    /// What must be told before anything can run: paths as asked for, relative to the input's
    /// directory unless absolute.
    std::vector<std::string> asked;
};

/// The text behind a digest; asked for requirements files alone.
using ReadText = std::function<Result<std::optional<std::string>>(const Digest& digest)>;

/// Follows -r and -c into the user's files; what is not told yet is in `asked`.
/// Errors   those of parse_requirement_line(); not_found with the place: a path with nothing behind
///          it; too_large.
Result<PipPart> read_pip_part(
    const std::vector<Written>& lines, const PipPaths& told, const ReadText& read
);

}  // namespace kiln::conda
