#include "store/store.hpp"

#include "store/root_layout.hpp"
#include "store/store_state.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <utility>

namespace kiln::store {
namespace {

constexpr std::size_t k_lock_bytes = 64;
constexpr std::size_t k_layout_bytes = 4096;
constexpr mode_t k_private_mode = 0700;

Result<Fd> open_below(const Fd& root, const std::string& path) {
    return open_at(root.get(), path, O_RDONLY | O_DIRECTORY, Resolve::beneath);
}

/// Errors   conflict when another process holds the lock.
Result<Fd> lock_root(const Fd& kiln, const std::string& root) {
    TRY_ASSIGN(Fd lock, open_at(kiln.get(), "lock", O_RDWR | O_CREAT, Resolve::beneath, 0600));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        const int error_number = errno;
        if (error_number != EWOULDBLOCK) {
            return fail(errno_error(error_number, "flock"));
        }
        const auto text = read_file_at(kiln.get(), "lock", k_lock_bytes);
        std::string pid = text ? *text : "";
        while (pid.ends_with('\n')) {
            pid.pop_back();
        }
        return fail(
            Code::conflict, "another kilnd (pid {}) has {}", pid.empty() ? "unknown" : pid, root
        );
    }
    // The pid is only for the message above: no need to be durable, or to go through the layer.
    if (::ftruncate(lock.get(), 0) != 0) {
        return fail_errno("the store's lock");
    }
    const std::string pid = fmt::format("{}\n", ::getpid());
    TRY(pwrite_all(lock.get(), as_bytes(pid), 0));
    return lock;
}

Result<void> write_layout_file(FileLayer& files, const RootDirectories& directories) {
    const auto present = read_file_at(directories.root.get(), "oci-layout", k_layout_bytes);
    if (present && *present == k_layout_text) {
        return {};
    }
    const int temporary = directories.temporary.get();
    TRY(files.unlink(temporary, "oci-layout"));
    TRY_ASSIGN(const Fd fd, files.create(temporary, "oci-layout", 0644));
    TRY(files.write(fd.get(), as_bytes(k_layout_text)));
    TRY(files.sync(fd.get()));
    return files.rename(temporary, "oci-layout", directories.root.get(), "oci-layout");
}

/// What a crash left half made, and what it had not yet deleted.
Result<void> empty_temporary(FileLayer& files, int temporary) {
    TRY_ASSIGN(const auto names, list_directory(temporary));
    for (const std::string& name : names) {
        TRY(files.unlink(temporary, name));
    }
    return {};
}

Result<RootDirectories> open_directories(FileLayer& files, const std::string& root) {
    TRY(files.make_directories(AT_FDCWD, root, k_private_mode));
    RootDirectories directories;
    TRY_ASSIGN(directories.root, open_directory(root));
    const int top = directories.root.get();
    TRY(files.make_directories(top, "blobs/sha256", 0755));
    for (const char* const name :
         {"kiln/tables",
          "kiln/packs",
          "kiln/tmp",
          "kiln/unpacked",
          "kiln/partial",
          "kiln/quarantine"}) {
        TRY(files.make_directories(top, name, k_private_mode));
    }
    TRY_ASSIGN(directories.blobs, open_below(directories.root, "blobs/sha256"));
    TRY_ASSIGN(directories.kiln, open_below(directories.root, "kiln"));
    TRY_ASSIGN(directories.tables, open_below(directories.root, "kiln/tables"));
    TRY_ASSIGN(directories.packs, open_below(directories.root, "kiln/packs"));
    TRY_ASSIGN(directories.temporary, open_below(directories.root, "kiln/tmp"));
    TRY_ASSIGN(directories.unpacked, open_below(directories.root, "kiln/unpacked"));
    TRY_ASSIGN(directories.partial, open_below(directories.root, "kiln/partial"));
    TRY_ASSIGN(directories.quarantine, open_below(directories.root, "kiln/quarantine"));
    return directories;
}

/// A fresh root's directories are on the disk before the index can name anything in them.
Result<void> sync_directories(FileLayer& files, const RootDirectories& directories) {
    TRY_ASSIGN(
        const Fd above,
        open_at(directories.root.get(), "..", O_RDONLY | O_DIRECTORY, Resolve::anywhere)
    );
    TRY_ASSIGN(const Fd blobs, open_below(directories.root, "blobs"));
    for (const Fd* const each : {&blobs, &directories.kiln, &directories.root, &above}) {
        TRY(files.sync(each->get()));
    }
    return {};
}

}  // namespace

Store::State::State(
    StoreOptions given,
    std::unique_ptr<KernelFiles> own,
    FileLayer& layer,
    RootDirectories opened,
    std::unique_ptr<Index> facts
)
    : options(std::move(given)),
      kernel(std::move(own)),
      files(layer),
      directories(std::move(opened)),
      index(std::move(facts)),
      leases(options.clock),
      blob_folder(
          ObjectKind::blob, files, *index, std::move(directories.blobs), directories.temporary.get()
      ),
      table_folder(
          ObjectKind::table,
          files,
          *index,
          std::move(directories.tables),
          directories.temporary.get()
      ),
      pack_folder(
          ObjectKind::pack, files, *index, std::move(directories.packs), directories.temporary.get()
      ),
      blobs(blob_folder),
      tables(table_folder),
      packs(pack_folder, *index, options.pool),
      partials(files, blob_folder, std::move(directories.partial)) {}

void Store::State::forget_fresh(const Object& object) {
    if (object.kind == ObjectKind::pack) {
        packs.forget_fresh(object.name);
    }
    folder(object.kind).forget_fresh(object.name);
}

Store::Store(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

Store::~Store() {
    // Last uses are a hint to the collector; losing them costs a little order.
    static_cast<void>(write_uses());
}

Result<void> Store::State::write_index_json() {
    TRY_ASSIGN(const auto refs, index->refs());
    TRY_ASSIGN(const auto referrers, index->referrers());
    return store::write_index_json(
        files,
        directories.root.get(),
        directories.temporary.get(),
        render_index_json(refs, referrers)
    );
}

Result<void> Store::State::follow_names() {
    const std::uint64_t mine = ++name_changes;
    const std::lock_guard lock(naming);
    if (name_changes_written >= mine) {
        return {};  // who wrote while this waited has seen it
    }
    const std::uint64_t seen = name_changes;
    TRY(write_index_json());
    name_changes_written = seen;
    return {};
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
    auto kernel = std::make_unique<KernelFiles>();
    FileLayer& files = options.files != nullptr ? *options.files : *kernel;
    TRY_ASSIGN(
        RootDirectories directories,
        open_directories(files, options.root),
        "while opening the store {}",
        options.root
    );
    TRY_ASSIGN(directories.lock, lock_root(directories.kiln, options.root));
    TRY(empty_temporary(files, directories.temporary.get()));
    TRY(write_layout_file(files, directories));
    TRY_ASSIGN(const auto present, stat_at(directories.kiln.get(), "index.sqlite"));
    if (!present) {
        TRY(sync_directories(files, directories));
    }
    const std::string path = options.root + "/kiln/index.sqlite";
    TRY_ASSIGN(auto index, Index::open(path, options.sqlite_vfs), "while opening {}", path);
    TRY(files.sync(directories.kiln.get()));
    auto state = std::make_unique<State>(
        options, std::move(kernel), files, std::move(directories), std::move(index)
    );
    TRY(state->write_index_json());
    return std::unique_ptr<Store>(new Store(std::move(state)));
}

BlobStore& Store::blobs() {
    return state_->blobs;
}

Tables& Store::tables() {
    return state_->tables;
}

Packs& Store::packs() {
    return state_->packs;
}

Partials& Store::partials() {
    return state_->partials;
}

Environments Store::environments() {
    return Environments(*state_->index);
}

const Index& Store::index() const {
    return *state_->index;
}

LeaseTable& Store::leases() {
    return state_->leases;
}

void Store::used(const Digest& digest) {
    const UnixSeconds now = state_->options.clock.now();
    const std::lock_guard lock(state_->using_);
    state_->uses[digest] = now;
}

Result<void> Store::write_uses() {
    std::map<Digest, UnixSeconds> uses;
    {
        const std::lock_guard lock(state_->using_);
        uses.swap(state_->uses);
    }
    return state_->index->touch(uses);
}

const std::string& Store::root() const {
    return state_->options.root;
}

int Store::unpacked_directory() const {
    return state_->directories.unpacked.get();
}

std::string Store::unpacked_path() const {
    return state_->options.root + "/kiln/unpacked";
}

Result<Fd> Store::open_scratch() const {
    return open_at(
        state_->directories.root.get(), "kiln/tmp", O_RDONLY | O_DIRECTORY, Resolve::beneath
    );
}

}  // namespace kiln::store
