#include "tests/support/temp_directory.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace kiln::testing {

TempDirectory::TempDirectory(Medium medium) {
    const std::filesystem::path memory = "/dev/shm";
    const bool in_memory = medium == Medium::memory && ::access(memory.c_str(), W_OK) == 0;
    const std::filesystem::path parent =
        in_memory ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "kiln-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        ADD_FAILURE() << "mkdtemp " << name;
    }
    path_ = name;
}

TempDirectory::~TempDirectory() {
    // By the parent: the way down is beneath the directory that one starts from.
    const std::filesystem::path path(path_);
    const auto parent = open_directory(path.parent_path().string());
    EXPECT_TRUE(parent && remove_tree_at(parent->get(), path.filename().string())) << path_;
}

std::string TempDirectory::path(std::string_view below) const {
    return path_ + "/" + std::string(below);
}

void TempDirectory::write(std::string_view below, std::string_view content, mode_t mode) const {
    const std::filesystem::path file = path(below);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    EXPECT_EQ(::chmod(file.c_str(), mode), 0) << file;
}

std::string TempDirectory::read(std::string_view below) const {
    std::ostringstream content;
    content << std::ifstream(path(below), std::ios::binary).rdbuf();
    return content.str();
}

Fd file_of(std::string_view bytes) {
    Fd fd(::memfd_create("kiln-test", MFD_CLOEXEC));
    EXPECT_TRUE(fd.is_open());
    EXPECT_TRUE(write_all(fd.get(), as_bytes(bytes)).has_value());
    return fd;
}

}  // namespace kiln::testing
