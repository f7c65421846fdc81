#pragma once

#include "layers/conda/installed/installed_package.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// A METADATA holds the whole description of its package; the longest known have 1 MiB.
inline constexpr std::size_t k_metadata_bytes = 16UL * 1024 * 1024;

/// What a package installed by pip says of itself.
struct PythonMetadata {
    std::string name;     // normalised (PEP 503)
    std::string version;  // as written
    std::string license;  // an expression (PEP 639) where there is one, or else free text
    std::vector<std::string> depends;  // normalised names, sorted; without those of extras
    bool operator==(const PythonMetadata&) const = default;
};

/// METADATA of NAME-VERSION.dist-info (core metadata), or PKG-INFO of NAME-VERSION-py3.11.egg-info.
/// `directory` is that name: it tells name and version where the text does not. nullopt: neither
/// does.
std::optional<PythonMetadata> read_python_metadata(
    std::string_view text, std::string_view directory
);

/// RECORD (PEP 376, PEP 627): what pip put where. `site_packages` is the directory, relative to the
/// prefix, from which its paths count ("../../../bin/tool").
/// Shape    sorted by tar::path_less, unique, relative to the prefix; what lies outside it is left
///          out, for no look at the prefix tells anything of it.
/// Errors   too_large.
Result<std::vector<InstalledPath>> read_python_record(
    std::string_view text, std::string_view site_packages, std::string_view prefix
);

/// installed-files.txt of an egg-info: what was put where, told from `egg_info`, which is relative
/// to the prefix. Shape and errors are those of read_python_record().
Result<std::vector<InstalledPath>> read_installed_files(
    std::string_view text, std::string_view egg_info, std::string_view prefix
);

/// requires.txt of an egg-info: normalised names, sorted; without those of extras and conditions.
std::vector<std::string> read_egg_requirements(std::string_view text);

/// direct_url.json (PEP 610): where a package came from that was named by its place.
struct DirectUrl {
    std::string url;     // http or https, without credentials; empty: a place of the builder's
    std::string sha256;  // hex, of the archive; may be empty
    bool operator==(const DirectUrl&) const = default;
};

/// Empty for what it is not.
DirectUrl read_direct_url(std::string_view text);

}  // namespace kiln::conda
