#pragma once

#include "store/base/clock.hpp"
#include "store/base/error.hpp"

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

namespace kiln::tar {

enum class EntryType : std::uint8_t {
    file,
    directory,
    symlink,
    hardlink,
    char_device,
    block_device,
    fifo,
};

/// One member of a layer, parsed: the same whether it came from a tar, a context, a conda package
/// or a RUN. Owner names are never kept (house rule: uname and gname are empty).
struct TarEntry {
    /// Relative to the root, no "." or "..", no '/' at either end; "" is the root itself.
    std::string path = {};
    EntryType type = EntryType::file;
    std::uint32_t mode = 0;  // & 07777
    std::uint64_t uid = 0;
    std::uint64_t gid = 0;
    std::uint64_t size_bytes = 0;  // of the content that follows; 0 but for files
    UnixSeconds mtime = 0;
    /// Symlink: the text; hard link: the path of the entry linked to, in the form of `path`.
    std::string link = {};
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::map<std::string, std::string> xattrs = {};  // full names ("user.x", "security.capability")
    bool operator==(const TarEntry&) const = default;
};

/// Of a file's st_mode. A socket, which no tar can hold, is a file to this function.
EntryType entry_type_of(mode_t mode);

/// Order of the canonical tar: by path component, bytewise, so that "a/x" comes before "a-b" and a
/// directory right before what it holds.
bool path_less(std::string_view a, std::string_view b);

/// Cleans a name from outside into the form of TarEntry::path: strips "./" and '/', folds "//" and
/// ".". Errors   invalid_input for "..", NUL, a component or path beyond the limits.
Result<std::string> clean_path(std::string_view name);

/// Whether clean_path() would give the name back unchanged.
bool is_clean_path(std::string_view path);

}  // namespace kiln::tar
