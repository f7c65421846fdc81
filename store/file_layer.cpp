#include "store/file_layer.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace kiln::store {

Result<Fd> KernelFiles::create(int directory, const std::string& path, mode_t mode) {
    if (path == ".") {
        auto unnamed = open_at(directory, path, O_TMPFILE | O_RDWR, Resolve::beneath, mode);
        if (!unnamed && unnamed.error().code != Code::out_of_space) {
            return fail(Code::unsupported, "this file system makes no files without a name");
        }
        return unnamed;
    }
    return open_at(directory, path, O_CREAT | O_EXCL | O_RDWR, Resolve::beneath, mode);
}

Result<void> KernelFiles::write(int fd, ByteSpan bytes) {
    return write_all(fd, bytes);
}

Result<void> KernelFiles::sync(int fd) {
    if (::fdatasync(fd) != 0) {
        return fail_errno("fdatasync");
    }
    return {};
}

Result<void> KernelFiles::link(int fd, int directory, const std::string& path) {
    // By way of /proc, because AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH.
    const std::string source = "/proc/self/fd/" + std::to_string(fd);
    if (::linkat(AT_FDCWD, source.c_str(), directory, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
        if (errno == EEXIST) {
            return fail(Code::conflict, "{} is there already", path);
        }
        return fail_errno(path);
    }
    return {};
}

Result<void> KernelFiles::rename(
    int from_directory, const std::string& from, int to_directory, const std::string& to
) {
    if (::renameat(from_directory, from.c_str(), to_directory, to.c_str()) != 0) {
        return fail_errno(from);
    }
    return {};
}

Result<void> KernelFiles::unlink(int directory, const std::string& path) {
    if (::unlinkat(directory, path.c_str(), 0) != 0 && errno != ENOENT) {
        return fail_errno(path);
    }
    return {};
}

Result<void> KernelFiles::make_directories(int directory, const std::string& path, mode_t mode) {
    return make_directories_at(directory, path, mode);
}

}  // namespace kiln::store
