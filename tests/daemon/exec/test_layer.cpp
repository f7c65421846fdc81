#include "tests/daemon/exec/test_layer.hpp"

#include "layers/tar/tar_writer.hpp"
#include "store/hasher.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>

namespace kiln::testing {
namespace {

constexpr std::size_t k_most_bytes = 64U * 1024 * 1024;

Fd in_memory(ByteSpan bytes) {
    Fd file(::memfd_create("test", MFD_CLOEXEC));
    EXPECT_TRUE(write_all(file.get(), bytes).has_value());
    return file;
}

}  // namespace

TestFile test_file(std::string path, std::string content, std::uint32_t mode) {
    TestFile file;
    file.entry.path = std::move(path);
    file.entry.mode = mode;
    file.entry.size_bytes = content.size();
    file.entry.mtime = 1000000000;
    file.content = std::move(content);
    return file;
}

TestFile test_directory(std::string path, std::uint32_t mode) {
    TestFile file = test_file(std::move(path), "", mode);
    file.entry.type = tar::EntryType::directory;
    return file;
}

TestFile test_symlink(std::string path, std::string target) {
    TestFile file = test_file(std::move(path), "", 0777);
    file.entry.type = tar::EntryType::symlink;
    file.entry.link = std::move(target);
    return file;
}

TestLayer::TestLayer(std::vector<TestFile> files) {
    std::sort(files.begin(), files.end(), [](const TestFile& a, const TestFile& b) {
        return tar::path_less(a.entry.path, b.entry.path);
    });
    MemorySink tar(k_most_bytes);
    tar::TarWriter writer(tar);
    std::vector<TableRow> rows;
    for (const TestFile& file : files) {
        EXPECT_TRUE(writer.append(file.entry).has_value());
        TableRow row;
        row.entry = file.entry;
        row.content_offset = file.content.empty() ? 0 : tar.bytes().size();
        if (file.entry.type == tar::EntryType::file) {
            row.content = digest_of(file.content);
        }
        rows.push_back(row);
        EXPECT_TRUE(writer.write(as_bytes(file.content)).has_value());
    }
    EXPECT_TRUE(writer.finish().has_value());
    diff_id_ = digest_of(ByteSpan(tar.bytes()));
    size_bytes_ = tar.bytes().size();
    blob_ = in_memory(tar.bytes());
    table_ = in_memory(TableOfContents::render(rows));
}

exec::UnpackRequest TestLayer::unpack() const {
    exec::UnpackRequest request;
    request.diff_id = diff_id_;
    request.blob_fd = blob_.get();
    request.dress.compression = Compression::none;
    request.dress.digest = diff_id_;
    request.dress.size_bytes = size_bytes_;
    return request;
}

TestLayer probe_layer() {
    const auto probe = read_file_at(AT_FDCWD, KILN_PROBE, k_most_bytes);
    EXPECT_TRUE(probe.has_value());
    return TestLayer(
        {test_directory(""),
         test_file("probe", probe ? *probe : "", 0755),
         test_directory("bin"),
         test_file("bin/tool", probe ? *probe : "", 0755),
         test_directory("data"),
         test_file("data/a", "first"),
         test_file("data/b", "second"),
         test_directory("tmp", 01777)}
    );
}

Result<void> TestChanges::add(const tar::TarEntry& entry, ByteSource& content) {
    TRY_ASSIGN(const Bytes bytes, read_all(content, k_most_bytes, entry.path));
    entries.push_back(TestFile{.entry = entry, .content = std::string(as_text(bytes))});
    return {};
}

std::vector<std::string> TestChanges::paths() const {
    std::vector<std::string> all;
    for (const TestFile& file : entries) {
        all.push_back(file.entry.path);
    }
    return all;
}

const TestFile* TestChanges::find(std::string_view path) const {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const TestFile& file) {
        return file.entry.path == path;
    });
    return found == entries.end() ? nullptr : &*found;
}

}  // namespace kiln::testing
