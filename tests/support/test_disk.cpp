#include "tests/support/test_disk.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace kiln::testing {

/// What is left: contents by file, and names.
struct TestDisk::Tree {
    std::set<std::string> directories;
    std::map<std::string, int> names;
    std::map<int, Bytes> contents;
};

void TestDisk::fail_at(std::size_t call) {
    const std::lock_guard lock(mutex_);
    calls_ = 0;
    fail_at_ = call;
}

bool TestDisk::admit() {
    const std::lock_guard lock(mutex_);
    return ++calls_ != fail_at_;
}

bool TestDisk::has_failed() const {
    const std::lock_guard lock(mutex_);
    return fail_at_ != 0 && calls_ >= fail_at_;
}

std::size_t TestDisk::events() const {
    const std::lock_guard lock(mutex_);
    return events_.size();
}

void TestDisk::add(Event event) {
    events_.push_back(std::move(event));
}

std::optional<TestDisk::Event> TestDisk::name_event(What what, const std::string& path) const {
    if (!path.starts_with(base_ + "/")) {
        return std::nullopt;
    }
    const std::filesystem::path below =
        std::filesystem::path(path.substr(base_.size() + 1)).lexically_normal();
    return Event{
        .what = what, .directory = below.parent_path().string(), .name = below.filename().string()};
}

int TestDisk::created(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const int file = next_file_++;
    if (auto event = name_event(What::link, path)) {
        event->file = file;
        names_[path] = file;
        add(std::move(*event));
    }
    return file;
}

void TestDisk::written(int file, std::uint64_t offset, ByteSpan bytes) {
    const std::lock_guard lock(mutex_);
    add(
        {.what = What::write,
         .file = file,
         .offset = offset,
         .bytes = Bytes(bytes.begin(), bytes.end())}
    );
}

void TestDisk::truncated(int file, std::uint64_t size_bytes) {
    const std::lock_guard lock(mutex_);
    add({.what = What::truncate, .file = file, .offset = size_bytes});
}

void TestDisk::synced(int file) {
    const std::lock_guard lock(mutex_);
    add({.what = What::sync, .file = file});
}

void TestDisk::linked(const std::string& path, int file) {
    const std::lock_guard lock(mutex_);
    if (auto event = name_event(What::link, path)) {
        event->file = file;
        names_[path] = file;
        add(std::move(*event));
    }
}

void TestDisk::renamed(const std::string& from, const std::string& to) {
    const std::optional<int> file = file_at(from);
    if (file) {
        linked(to, *file);
        unlinked(from);
    }
}

void TestDisk::unlinked(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (auto event = name_event(What::unlink, path)) {
        names_.erase(path);
        add(std::move(*event));
    }
}

void TestDisk::made_directory(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (auto event = name_event(What::make_directory, path)) {
        add(std::move(*event));
    }
}

void TestDisk::synced_directory(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (path == base_) {
        add({.what = What::sync_directory});
    } else if (const auto event = name_event(What::link, path)) {
        const auto below = std::filesystem::path(event->directory) / event->name;
        add({.what = What::sync_directory, .directory = below.string()});
    }
}

std::optional<int> TestDisk::file_at(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    return found == names_.end() ? std::nullopt : std::optional(found->second);
}

TestDisk::Tree TestDisk::survive(std::size_t cut, Survival survival, unsigned seed) const {
    const std::lock_guard lock(mutex_);
    std::map<int, std::size_t> file_synced;
    std::map<std::string, std::size_t> directory_synced;
    for (std::size_t i = 0; i < cut; ++i) {
        if (events_[i].what == What::sync) {
            file_synced[events_[i].file] = i;
        } else if (events_[i].what == What::sync_directory) {
            directory_synced[events_[i].directory] = i;
        }
    }
    std::minstd_rand random(seed);
    const auto is_lucky = [&] {
        return survival == Survival::everything
               || (survival == Survival::some && random() % 2 == 0);
    };
    Tree tree;
    tree.directories.insert("");
    for (std::size_t i = 0; i < cut; ++i) {
        const Event& event = events_[i];
        const bool of_file = event.what == What::write || event.what == What::truncate;
        const bool is_synced = of_file
                                   ? file_synced.contains(event.file) && i < file_synced[event.file]
                                   : directory_synced.contains(event.directory)
                                         && i < directory_synced[event.directory];
        if (!is_synced && !is_lucky()) {
            continue;
        }
        const std::string path =
            event.directory.empty() ? event.name : event.directory + "/" + event.name;
        Bytes& content = tree.contents[event.file];
        switch (event.what) {
            case What::write: {
                std::size_t size = event.bytes.size();
                if (!is_synced && survival == Survival::some && random() % 4 == 0) {
                    size = random() % (size + 1);  // torn
                }
                content.resize(std::max(content.size(), event.offset + size));
                std::copy_n(
                    event.bytes.begin(),
                    size,
                    content.begin() + static_cast<std::ptrdiff_t>(event.offset)
                );
                break;
            }
            case What::truncate:
                content.resize(event.offset);
                break;
            case What::link:
                tree.names[path] = event.file;
                break;
            case What::unlink:
                tree.names.erase(path);
                break;
            case What::make_directory:
                tree.directories.insert(path);
                break;
            case What::sync:
            case What::sync_directory:
                break;
        }
    }
    return tree;
}

void TestDisk::replay(std::size_t cut, Survival survival, unsigned seed, const std::string& into)
    const {
    const Tree tree = survive(cut, survival, seed);
    // Sorted: parents come first, and what lies below a lost one is lost.
    for (const std::string& directory : tree.directories) {
        const std::filesystem::path path = std::filesystem::path(into) / directory;
        std::error_code ignored;
        std::filesystem::create_directory(path, ignored);
    }
    for (const auto& [name, file] : tree.names) {
        std::ofstream out(std::filesystem::path(into) / name, std::ios::binary);
        const auto content = tree.contents.find(file);
        if (content != tree.contents.end()) {
            out << as_text(content->second);
        }
    }
}

namespace {

std::string path_of(int directory, const std::string& path) {
    if (path.starts_with('/')) {
        return path;
    }
    const std::filesystem::path link = "/proc/self/fd/" + std::to_string(directory);
    std::filesystem::path whole = std::filesystem::read_symlink(link);
    if (path != ".") {
        whole /= path;
    }
    return whole.lexically_normal().string();
}

tl::unexpected<Error> fail_full() {
    return fail(Code::out_of_space, "the test's disk is full");
}

}  // namespace

std::optional<int> TestFiles::file_of(int fd) {
    struct stat facts {};

    EXPECT_EQ(::fstat(fd, &facts), 0);
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(facts.st_ino);
    return found == files_.end() ? std::nullopt : std::optional(found->second);
}

Result<Fd> TestFiles::create(int directory, const std::string& path, mode_t mode) {
    if (!disk_.admit()) {
        return fail_full();
    }
    TRY_ASSIGN(Fd fd, kernel_.create(directory, path, mode));
    const int file = disk_.created(path == "." ? "" : path_of(directory, path));
    TRY_ASSIGN(const struct stat facts, stat_fd(fd.get()));
    const std::lock_guard lock(mutex_);
    files_[facts.st_ino] = file;
    return fd;
}

Result<void> TestFiles::write(int fd, ByteSpan bytes) {
    if (!disk_.admit()) {
        TRY(kernel_.write(fd, bytes.first(bytes.size() / 2)));  // as a full disk does
        return fail_full();
    }
    TRY_ASSIGN(const struct stat before, stat_fd(fd));
    TRY(kernel_.write(fd, bytes));
    disk_.written(file_of(fd).value(), static_cast<std::uint64_t>(before.st_size), bytes);
    return {};
}

Result<void> TestFiles::sync(int fd) {
    if (!disk_.admit()) {
        return fail_full();
    }
    TRY(kernel_.sync(fd));
    TRY_ASSIGN(const struct stat facts, stat_fd(fd));
    if (S_ISDIR(facts.st_mode)) {
        disk_.synced_directory(path_of(fd, "."));
    } else {
        disk_.synced(file_of(fd).value());
    }
    return {};
}

Result<void> TestFiles::link(int fd, int directory, const std::string& path) {
    if (!disk_.admit()) {
        return fail_full();
    }
    TRY(kernel_.link(fd, directory, path));
    disk_.linked(path_of(directory, path), file_of(fd).value());
    return {};
}

Result<void> TestFiles::rename(
    int from_directory, const std::string& from, int to_directory, const std::string& to
) {
    if (!disk_.admit()) {
        return fail_full();
    }
    TRY(kernel_.rename(from_directory, from, to_directory, to));
    disk_.renamed(path_of(from_directory, from), path_of(to_directory, to));
    return {};
}

Result<void> TestFiles::unlink(int directory, const std::string& path) {
    if (!disk_.admit()) {
        return fail_full();
    }
    TRY(kernel_.unlink(directory, path));
    disk_.unlinked(path_of(directory, path));
    return {};
}

Result<void> TestFiles::make_directories(int directory, const std::string& path, mode_t mode) {
    if (!disk_.admit()) {
        return fail_full();
    }
    std::vector<std::string> fresh;
    for (std::filesystem::path part = path_of(directory, path); !std::filesystem::exists(part);
         part = part.parent_path()) {
        fresh.push_back(part.string());
    }
    TRY(kernel_.make_directories(directory, path, mode));
    std::for_each(fresh.rbegin(), fresh.rend(), [&](const std::string& made) {
        disk_.made_directory(made);
    });
    return {};
}

}  // namespace kiln::testing
