#include "layers/tree/xattrs.hpp"

#include <sys/xattr.h>

#include <cerrno>
#include <utility>

namespace kiln::tree {
namespace {

/// XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux.
constexpr std::size_t k_xattr_bytes = 65536;

constexpr std::uint32_t k_revision_mask = 0xff000000;
constexpr std::uint32_t k_revision_2 = 0x02000000;
constexpr std::uint32_t k_revision_3 = 0x03000000;
constexpr std::size_t k_size_2 = 20;
constexpr std::size_t k_size_3 = 24;

std::uint32_t little_endian(std::string_view value, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 4; i-- > 0;) {
        number = number << 8U | static_cast<unsigned char>(value[at + i]);
    }
    return number;
}

}  // namespace

bool is_kept_xattr(std::string_view name) {
    return name == "security.capability"
           || (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

Result<std::map<std::string, std::string>> read_xattrs(int fd) {
    std::map<std::string, std::string> xattrs;
    const ssize_t any = ::flistxattr(fd, nullptr, 0);
    if (any == 0 || (any < 0 && errno == ENOTSUP)) {
        return xattrs;
    }
    std::string names(k_xattr_bytes, '\0');
    const ssize_t size = ::flistxattr(fd, names.data(), names.size());
    if (size < 0) {
        return fail_errno("extended attributes");
    }
    names.resize(static_cast<std::size_t>(size));
    for (std::size_t at = 0; at < names.size();) {
        const std::string name(names.c_str() + at);
        at += name.size() + 1;
        std::string value(k_xattr_bytes, '\0');
        const ssize_t length = ::fgetxattr(fd, name.c_str(), value.data(), value.size());
        if (length < 0) {
            return fail_errno(name);
        }
        value.resize(static_cast<std::size_t>(length));
        xattrs.emplace(name, std::move(value));
    }
    return xattrs;
}

std::string untie_capability(std::string value, std::uint32_t namespace_root_uid) {
    if (value.size() != k_size_3) {
        return value;
    }
    const std::uint32_t magic = little_endian(value, 0);
    if ((magic & k_revision_mask) != k_revision_3
        || little_endian(value, k_size_2) != namespace_root_uid) {
        return value;
    }
    value.resize(k_size_2);
    value[3] = static_cast<char>(k_revision_2 >> 24U);
    return value;
}

}  // namespace kiln::tree
