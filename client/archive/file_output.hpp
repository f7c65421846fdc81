#pragma once

#include "store/base/bytes.hpp"
#include "store/base/file.hpp"

#include <memory>
#include <string>

namespace kiln::client {

/// Of a file that the user asked for: the umask is their word on it.
inline constexpr mode_t k_output_mode = 0666;

/// A file that the user asked for: it has its name when it is whole, and not before. "-" is stdout;
/// what is there and no plain file (a pipe, /dev/null) is written to directly.
class FileOutput final : public ByteSink {
  public:
    static Result<std::unique_ptr<FileOutput>> open(const std::string& path, int stdout_fd);
    ~FileOutput() override;  // what was not committed disappears

    Result<void> write(ByteSpan bytes) override;
    Result<void> commit();

  private:
    FileOutput(Fd file, int fd, std::string path, std::string temporary)
        : file_(std::move(file)),
          fd_(fd),
          path_(std::move(path)),
          temporary_(std::move(temporary)) {}

    Fd file_;
    int fd_;
    std::string path_;
    std::string temporary_;  // empty: written in place
};

/// The whole of a small file, in one step.
Result<void> write_file(const std::string& path, std::string_view text, int stdout_fd);

}  // namespace kiln::client
