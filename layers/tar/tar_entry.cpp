#include "layers/tar/tar_entry.hpp"

#include "store/base/limits.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace kiln::tar {

EntryType entry_type_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return EntryType::directory;
        case S_IFLNK:
            return EntryType::symlink;
        case S_IFCHR:
            return EntryType::char_device;
        case S_IFBLK:
            return EntryType::block_device;
        case S_IFIFO:
            return EntryType::fifo;
        default:
            return EntryType::file;
    }
}

bool path_less(std::string_view a, std::string_view b) {
    // Where two paths differ, the end of a component ranks below every byte a name can hold.
    const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (in_b == b.end()) {
        return false;
    }
    if (in_a == a.end()) {
        return true;
    }
    if (*in_a == '/' || *in_b == '/') {
        return *in_a == '/';
    }
    return static_cast<unsigned char>(*in_a) < static_cast<unsigned char>(*in_b);
}

Result<std::string> clean_path(std::string_view name) {
    if (name.find('\0') != std::string_view::npos) {
        return fail(Code::invalid_input, "a name holds a NUL byte");
    }
    std::string path;
    path.reserve(name.size());
    std::size_t depth = 0;
    for (std::size_t begin = 0; begin < name.size();) {
        const std::size_t end = std::min(name.find('/', begin), name.size());
        const std::string_view part = name.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == "..") {
            return fail(Code::invalid_input, "the name {} leads upwards by '..'", name);
        }
        if (part.size() > limits::k_name_bytes) {
            return fail(
                Code::invalid_input,
                "a name has {} bytes; at most {} are allowed",
                part.size(),
                limits::k_name_bytes
            );
        }
        if (!path.empty()) {
            path += '/';
        }
        path += part;
        ++depth;
    }
    if (path.size() > limits::k_path_bytes || depth > limits::k_path_depth) {
        return fail(
            Code::invalid_input,
            "a path has {} bytes in {} parts; at most {} in {} are allowed",
            path.size(),
            depth,
            limits::k_path_bytes,
            limits::k_path_depth
        );
    }
    return path;
}

bool is_clean_path(std::string_view path) {
    if (path.empty()) {
        return true;
    }
    std::size_t depth = 0;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view part = path.substr(begin, end - begin);
        if (part.empty() || part == "." || part == ".." || part.size() > limits::k_name_bytes) {
            return false;
        }
        begin = end + 1;
        ++depth;
    }
    return path.size() <= limits::k_path_bytes && depth <= limits::k_path_depth
           && path.find('\0') == std::string_view::npos;
}

}  // namespace kiln::tar
