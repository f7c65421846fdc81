#pragma once

#include "store/base/clock.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::tar {

/// GNU's sparse files: 0.0 and 0.1 bring the map here, 1.0 in front of the content.
struct PaxSparse {
    std::uint64_t major = 0;
    std::optional<std::uint64_t> size_bytes = std::nullopt;  // of the file with its holes
    std::optional<std::string> path = std::nullopt;
    std::vector<std::uint64_t> map = {};  // offset, size, offset, size...
};

/// What a pax extended header says about the entry behind it; absent where the ustar header holds.
struct PaxHeader {
    std::optional<std::string> path;
    std::optional<std::string> link;
    std::optional<std::uint64_t> size_bytes;
    std::optional<std::uint64_t> uid;
    std::optional<std::uint64_t> gid;
    std::optional<UnixSeconds> mtime;
    std::map<std::string, std::string> xattrs;  // full names, SCHILY's before LIBARCHIVE's
    bool is_socket = false;

    std::optional<PaxSparse> sparse;
};

/// Records "LENGTH KEY=VALUE\n"; unknown keys are passed over, an empty value takes a key back.
/// Errors   corrupt.
Result<PaxHeader> parse_pax(std::string_view text);

/// Whether an attribute belongs into a layer: security.capability and user.*, but not what
/// overlayfs keeps for itself (house.md, "Layers, exactly").
bool is_kept_xattr(std::string_view name);

/// The key of an attribute's record. '=' would end it, so it and '%' are escaped as GNU tar does.
std::string render_xattr_key(std::string_view name);

}  // namespace kiln::tar
