#pragma once

#include "store/base/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// Where a registry has a file of an oci:// channel, in the layout that conda-oci-mirror, mamba and
/// rattler share: a package is the tag VERSION-BUILD of the repository CHANNEL/SUBDIR/NAME,
/// repodata the tag "latest" of CHANNEL/SUBDIR/repodata.json; the file itself is a layer.
struct OciPlace {
    std::string host;        // with its port
    std::string repository;  // "channel-mirrors/conda-forge/linux-64/zzz_libgcc_mutex"
    std::string tag;         // "1__e__2.0-0"
    std::vector<std::string> media_types;  // that the layer may have, the best first
    bool operator==(const OciPlace&) const = default;
};

/// nullopt for a file that no such channel has: shards.
/// Errors   invalid_input: no URL of an oci:// channel, or a name that no registry takes.
Result<std::optional<OciPlace>> find_oci_place(std::string_view url);

}  // namespace kiln::conda
