#pragma once

#include "daemon/exec/executor.hpp"
#include "layers/table_of_contents.hpp"
#include "store/base/file.hpp"

#include <map>
#include <string>
#include <vector>

namespace kiln::testing {

struct TestFile {
    tar::TarEntry entry;
    std::string content = {};
};

TestFile test_file(std::string path, std::string content, std::uint32_t mode = 0644);
TestFile test_directory(std::string path, std::uint32_t mode = 0755);
TestFile test_symlink(std::string path, std::string target);

/// A layer as the store would hand it to an executor: a plain tar and its table, both in memory.
class TestLayer {
  public:
    explicit TestLayer(std::vector<TestFile> files);

    [[nodiscard]] const Digest& diff_id() const { return diff_id_; }

    [[nodiscard]] exec::LowerLayer lower() const {
        return {.diff_id = diff_id_, .table_fd = table_.get()};
    }

    [[nodiscard]] exec::UnpackRequest unpack() const;

  private:
    Digest diff_id_;
    std::uint64_t size_bytes_ = 0;
    Fd blob_;
    Fd table_;
};

/// An image of one program, /probe, and a few files.
TestLayer probe_layer();

/// Gathers what a command writes.
class TestOutput final : public exec::OutputSink {
  public:
    void write(exec::Stream stream, ByteSpan bytes) override {
        (stream == exec::Stream::output ? output : errors) += as_text(bytes);
    }

    std::string output;
    std::string errors;
};

/// Gathers changes: every entry with its content, in the order they came.
class TestChanges final : public exec::ChangeSink {
  public:
    Result<void> add(const tar::TarEntry& entry, ByteSource& content) override;

    void notice(std::string_view text) override { notices.emplace_back(text); }

    [[nodiscard]] std::vector<std::string> paths() const;
    [[nodiscard]] const TestFile* find(std::string_view path) const;

    std::vector<TestFile> entries;
    std::vector<std::string> notices;
};

}  // namespace kiln::testing
