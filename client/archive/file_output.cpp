#include "client/archive/file_output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace kiln::client {

Result<std::unique_ptr<FileOutput>> FileOutput::open(const std::string& path, int stdout_fd) {
    if (path == "-") {
        return std::unique_ptr<FileOutput>(new FileOutput(Fd(), stdout_fd, path, {}));
    }

    struct stat facts {};

    const bool special = ::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode);
    const std::string opened = special ? path : fmt::format("{}.{}.part", path, ::getpid());
    const int flags = special ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC;
    TRY_ASSIGN(
        Fd file, open_at(AT_FDCWD, opened, flags, Resolve::anywhere, special ? 0 : k_output_mode)
    );
    const int fd = file.get();
    return std::unique_ptr<FileOutput>(
        new FileOutput(std::move(file), fd, path, special ? std::string() : opened)
    );
}

FileOutput::~FileOutput() {
    if (!temporary_.empty()) {
        ::unlink(temporary_.c_str());
    }
}

Result<void> FileOutput::write(ByteSpan bytes) {
    TRY(write_all(fd_, bytes), "while writing {}", path_ == "-" ? "stdout" : path_);
    return {};
}

Result<void> FileOutput::commit() {
    if (temporary_.empty()) {
        return {};
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
        return fail_errno(path_);
    }
    temporary_.clear();
    return {};
}

Result<void> write_file(const std::string& path, std::string_view text, int stdout_fd) {
    TRY_ASSIGN(const auto file, FileOutput::open(path, stdout_fd));
    TRY(file->write(as_bytes(text)));
    return file->commit();
}

}  // namespace kiln::client
