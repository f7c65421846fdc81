#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kiln::tree {

/// Attributes that layers keep: security.capability and user.*, never overlay's own, which would
/// let a layer redirect directories of another one.
bool is_kept_xattr(std::string_view name);

/// All extended attributes of an open file or directory; none where the file system has none.
Result<std::map<std::string, std::string>> read_xattrs(int fd);

/// A file capability that the kernel tied to the root of a user namespace (v3), as the one that
/// holds for any root (v2): linux/capability.h, vfs_ns_cap_data. Other values stay as they are.
std::string untie_capability(std::string value, std::uint32_t namespace_root_uid);

}  // namespace kiln::tree
