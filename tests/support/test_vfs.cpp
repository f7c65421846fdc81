// A SQLite file layer that tells a TestDisk what it does and passes everything on.

#include "tests/support/test_disk.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <new>
#include <utility>

namespace kiln::testing {

struct TestVfs::State {
    sqlite3_vfs vfs{};
    sqlite3_vfs* real = nullptr;
    TestDisk* disk = nullptr;
    std::string name;
};

namespace {

/// Followed in memory by the real layer's file.
struct alignas(16) File {
    sqlite3_file base;
    TestDisk* disk;
    int id;               // on the disk; 0 for what need not survive
    char directory[512];  // to sync with the file's first sync; "" when that has been

    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& as_file(sqlite3_file* file) {
    return *reinterpret_cast<File*>(file);
}

sqlite3_file* real_of(sqlite3_file* file) {
    return as_file(file).real();
}

TestVfs::State* state_of(sqlite3_vfs* vfs);

int close_file(sqlite3_file* file) {
    sqlite3_file* const real = real_of(file);
    return real->pMethods != nullptr ? real->pMethods->xClose(real) : SQLITE_OK;
}

int write_file(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    File& own = as_file(file);
    if (!own.disk->admit()) {
        return SQLITE_FULL;
    }
    sqlite3_file* const real = own.real();
    const int status = real->pMethods->xWrite(real, bytes, size, offset);
    if (status == SQLITE_OK && own.id != 0) {
        const ByteSpan written(
            static_cast<const std::byte*>(bytes), static_cast<std::size_t>(size)
        );
        own.disk->written(own.id, static_cast<std::uint64_t>(offset), written);
    }
    return status;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
    File& own = as_file(file);
    if (!own.disk->admit()) {
        return SQLITE_IOERR_TRUNCATE;
    }
    sqlite3_file* const real = own.real();
    const int status = real->pMethods->xTruncate(real, size);
    if (status == SQLITE_OK && own.id != 0) {
        own.disk->truncated(own.id, static_cast<std::uint64_t>(size));
    }
    return status;
}

int sync_file(sqlite3_file* file, int flags) {
    File& own = as_file(file);
    if (!own.disk->admit()) {
        return SQLITE_IOERR_FSYNC;
    }
    sqlite3_file* const real = own.real();
    const int status = real->pMethods->xSync(real, flags);
    if (status == SQLITE_OK && own.id != 0) {
        own.disk->synced(own.id);
        if (own.directory[0] != '\0') {
            own.disk->synced_directory(own.directory);
            own.directory[0] = '\0';
        }
    }
    return status;
}

/// The real layer's methods with ours in the places that change the disk.
template<auto Member, class... Arguments>
int pass_on(sqlite3_file* file, Arguments... arguments) {
    sqlite3_file* const real = real_of(file);
    return (real->pMethods->*Member)(real, arguments...);
}

void pass_barrier(sqlite3_file* file) {
    sqlite3_file* const real = real_of(file);
    real->pMethods->xShmBarrier(real);
}

const sqlite3_io_methods& methods() {
    using Io = sqlite3_io_methods;
    static const Io all = [] {
        Io io{};
        io.iVersion = 3;
        io.xClose = close_file;
        io.xWrite = write_file;
        io.xTruncate = truncate_file;
        io.xSync = sync_file;
        io.xRead = pass_on<&Io::xRead, void*, int, sqlite3_int64>;
        io.xFileSize = pass_on<&Io::xFileSize, sqlite3_int64*>;
        io.xLock = pass_on<&Io::xLock, int>;
        io.xUnlock = pass_on<&Io::xUnlock, int>;
        io.xCheckReservedLock = pass_on<&Io::xCheckReservedLock, int*>;
        io.xFileControl = pass_on<&Io::xFileControl, int, void*>;
        io.xSectorSize = pass_on<&Io::xSectorSize>;
        io.xDeviceCharacteristics = pass_on<&Io::xDeviceCharacteristics>;
        io.xShmMap = pass_on<&Io::xShmMap, int, int, int, void volatile**>;
        io.xShmLock = pass_on<&Io::xShmLock, int, int, int>;
        io.xShmBarrier = pass_barrier;
        io.xShmUnmap = pass_on<&Io::xShmUnmap, int>;
        io.xFetch = pass_on<&Io::xFetch, sqlite3_int64, int, void**>;
        io.xUnfetch = pass_on<&Io::xUnfetch, sqlite3_int64, void*>;
        return io;
    }();
    return all;
}

int open_file(
    sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags
) {
    TestVfs::State* const state = state_of(vfs);
    File* const own = new (file) File{};
    own->disk = state->disk;
    const bool is_new = path != nullptr && !std::filesystem::exists(path);
    if (is_new && !state->disk->admit()) {
        return SQLITE_CANTOPEN;
    }
    const int status = state->real->xOpen(state->real, path, own->real(), flags, out_flags);
    if (status != SQLITE_OK) {
        return status;
    }
    own->base.pMethods = &methods();
    if (path == nullptr) {
        return status;
    }
    const auto known = state->disk->file_at(path);
    own->id = known ? *known : state->disk->created(path);
    if (is_new && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) {
        // os_unix.c syncs the directory of a new journal with the journal's first sync.
        const std::string directory = std::filesystem::path(path).parent_path().string();
        directory.copy(own->directory, sizeof own->directory - 1);
    }
    return status;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    TestVfs::State* const state = state_of(vfs);
    if (!state->disk->admit()) {
        return SQLITE_IOERR_DELETE;
    }
    const int status = state->real->xDelete(state->real, path, sync_directory);
    if (status == SQLITE_OK) {
        state->disk->unlinked(path);
        if (sync_directory != 0) {
            state->disk->synced_directory(std::filesystem::path(path).parent_path().string());
        }
    }
    return status;
}

TestVfs::State* state_of(sqlite3_vfs* vfs) {
    return static_cast<TestVfs::State*>(vfs->pAppData);
}

}  // namespace

TestVfs::TestVfs(TestDisk& disk)
    : state_(std::make_unique<State>()) {
    static std::atomic<int> next{0};
    state_->name = "kiln-test-" + std::to_string(next++);
    state_->disk = &disk;
    state_->real = sqlite3_vfs_find(nullptr);
    state_->vfs = *state_->real;
    state_->vfs.pNext = nullptr;
    state_->vfs.zName = state_->name.c_str();
    state_->vfs.szOsFile = static_cast<int>(sizeof(File)) + state_->real->szOsFile;
    state_->vfs.xOpen = open_file;
    state_->vfs.xDelete = delete_file;
    // The rest of the real layer's functions work on paths and clocks and look at their own
    // pAppData; only xOpen does, and that one gets the real layer back.
    state_->vfs.pAppData = state_.get();
    sqlite3_vfs_register(&state_->vfs, 0);
}

TestVfs::~TestVfs() {
    sqlite3_vfs_unregister(&state_->vfs);
}

const char* TestVfs::name() const {
    return state_->name.c_str();
}

}  // namespace kiln::testing
