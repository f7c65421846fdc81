#pragma once

#include "store/file_layer.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace kiln::testing {

/// What a power cut does to what was not synced.
enum class Survival : std::uint8_t { nothing, everything, some };

/// All that was done to the files below one directory, by the store and by SQLite, so that a power
/// cut at any moment can be played; and the means to let the n-th call fail.
/// The model is harsher than a journaling file system: writes survive one by one and in part, names
/// directory by directory, and a rename may survive at either end alone.
/// Thread   any.
class TestDisk {
  public:
    explicit TestDisk(std::string base)
        : base_(std::move(base)) {}

    /// The call with this number, counted from 1 and from now, fails.
    void fail_at(std::size_t call);

    void never_fail() { fail_at(0); }

    /// False when this call is the one to fail.
    bool admit();
    /// Whether the one to fail has come.
    [[nodiscard]] bool has_failed() const;

    // Paths are absolute; those outside the base are left out.
    int created(const std::string& path);  // the new file; "" has no name yet
    void written(int file, std::uint64_t offset, ByteSpan bytes);
    void truncated(int file, std::uint64_t size_bytes);
    void synced(int file);
    void linked(const std::string& path, int file);
    void renamed(const std::string& from, const std::string& to);
    void unlinked(const std::string& path);
    void made_directory(const std::string& path);
    void synced_directory(const std::string& path);
    [[nodiscard]] std::optional<int> file_at(const std::string& path);

    [[nodiscard]] std::size_t events() const;
    /// The tree as it may be found after a cut before event `cut`, made in an empty directory.
    void replay(std::size_t cut, Survival survival, unsigned seed, const std::string& into) const;

  private:
    enum class What : std::uint8_t {
        write,
        truncate,
        sync,
        link,
        unlink,
        make_directory,
        sync_directory
    };

    struct Event {
        What what = What::write;
        int file = 0;
        std::string directory = {};  // of link and unlink: the parent; relative to the base
        std::string name = {};
        std::uint64_t offset = 0;
        Bytes bytes = {};
    };

    struct Tree;

    void add(Event event);
    [[nodiscard]] std::optional<Event> name_event(What what, const std::string& path) const;
    [[nodiscard]] Tree survive(std::size_t cut, Survival survival, unsigned seed) const;

    std::string base_;
    mutable std::mutex mutex_;
    std::size_t calls_ = 0;
    std::size_t fail_at_ = 0;
    int next_file_ = 1;
    std::map<std::string, int> names_;  // as of now
    std::vector<Event> events_;
};

/// The store's file layer over a TestDisk.
class TestFiles final : public store::FileLayer {
  public:
    explicit TestFiles(TestDisk& disk)
        : disk_(disk) {}

    Result<Fd> create(int directory, const std::string& path, mode_t mode) override;
    Result<void> write(int fd, ByteSpan bytes) override;
    Result<void> sync(int fd) override;
    Result<void> link(int fd, int directory, const std::string& path) override;
    Result<void> rename(
        int from_directory, const std::string& from, int to_directory, const std::string& to
    ) override;
    Result<void> unlink(int directory, const std::string& path) override;
    Result<void> make_directories(int directory, const std::string& path, mode_t mode) override;

  private:
    [[nodiscard]] std::optional<int> file_of(int fd);

    TestDisk& disk_;
    store::KernelFiles kernel_;
    std::mutex mutex_;
    std::map<ino_t, int> files_;
};

/// SQLite's file layer over a TestDisk, registered under name() for as long as the object lives.
class TestVfs {
  public:
    explicit TestVfs(TestDisk& disk);
    TestVfs(const TestVfs&) = delete;
    TestVfs& operator=(const TestVfs&) = delete;
    ~TestVfs();

    [[nodiscard]] const char* name() const;

    struct State;  // test_vfs.cpp

  private:
    std::unique_ptr<State> state_;
};

}  // namespace kiln::testing
