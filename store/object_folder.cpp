#include "store/object_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <utility>

namespace kiln::store {
namespace {

/// Nobody writes a blob twice, and others may read: `skopeo inspect oci:ROOT:NAME`.
constexpr mode_t k_object_mode = 0444;
constexpr mode_t k_growing_mode = 0600;

/// Unique in this process, which alone has the root.
std::string temporary_name() {
    static std::atomic<std::uint64_t> next{0};
    return fmt::format("new-{}", next.fetch_add(1));
}

}  // namespace

std::string_view kind_name(ObjectKind kind) {
    switch (kind) {
        case ObjectKind::blob:
            return "blob";
        case ObjectKind::table:
            return "table";
        case ObjectKind::pack:
            return "pack";
    }
    return "object";
}

NewFile::NewFile(FileLayer& files, int directory, Fd fd, std::string name)
    : files_(&files),
      directory_(directory),
      fd_(std::move(fd)),
      name_(std::move(name)) {}

NewFile::NewFile(NewFile&& other) noexcept
    : files_(other.files_),
      directory_(other.directory_),
      fd_(std::move(other.fd_)),
      name_(std::exchange(other.name_, {})),
      is_kept_(other.is_kept_),
      size_bytes_(other.size_bytes_) {}

NewFile::~NewFile() {
    if (!name_.empty() && (!is_kept_ || size_bytes_ == 0)) {
        // What stays because this fails is removed at the next start.
        static_cast<void>(files_->unlink(directory_, name_));
    }
}

Result<NewFile> NewFile::create(FileLayer& files, int temporary_directory) {
    auto unnamed = files.create(temporary_directory, ".", k_object_mode);
    if (unnamed) {
        return NewFile(files, temporary_directory, std::move(*unnamed), "");
    }
    if (unnamed.error().code != Code::unsupported) {
        return fail(std::move(unnamed).error());
    }
    std::string name = temporary_name();
    TRY_ASSIGN(Fd fd, files.create(temporary_directory, name, k_object_mode));
    return NewFile(files, temporary_directory, std::move(fd), std::move(name));
}

Result<NewFile> NewFile::go_on(FileLayer& files, int directory, std::string name) {
    auto fd = open_at(directory, name, O_RDWR | O_APPEND, Resolve::beneath);
    if (!fd && fd.error().code == Code::not_found) {
        fd = files.create(directory, name, k_growing_mode);
    }
    TRY(fd);
    TRY_ASSIGN(const struct stat facts, stat_fd(fd->get()));
    NewFile file(files, directory, std::move(*fd), std::move(name));
    file.is_kept_ = true;
    file.size_bytes_ = static_cast<std::uint64_t>(facts.st_size);
    return file;
}

Result<void> NewFile::let_go() {
    if (!std::exchange(is_kept_, false)) {
        return {};
    }
    if (::fchmod(fd_.get(), k_object_mode) != 0) {
        return fail_errno(name_);
    }
    return {};
}

Result<void> NewFile::write(ByteSpan bytes) {
    TRY(files_->write(fd_.get(), bytes));
    size_bytes_ += bytes.size();
    return {};
}

ObjectFolder::ObjectFolder(
    ObjectKind kind, FileLayer& files, const Index& index, Fd directory, int temporary_directory
)
    : kind_(kind),
      files_(files),
      index_(index),
      directory_(std::move(directory)),
      temporary_directory_(temporary_directory) {}

Result<NewFile> ObjectFolder::begin() {
    return NewFile::create(files_, temporary_directory_);
}

Result<void> ObjectFolder::publish(NewFile file, const Digest& name, const Digest& content) {
    const std::lock_guard lock(mutex_);
    if (fresh_.contains(name)) {
        return {};
    }
    TRY_ASSIGN(const auto durable, index_.find_object(kind_, name));
    if (durable) {
        return {};
    }
    auto linked = files_.link(file.fd(), directory_.get(), name.hex());
    if (!linked && linked.error().code == Code::conflict) {
        // Neither durable nor fresh: left over from a crash, and perhaps torn.
        TRY(files_.unlink(directory_.get(), name.hex()));
        linked = files_.link(file.fd(), directory_.get(), name.hex());
    }
    TRY(linked, "while giving {} {} its name", kind_name(kind_), name.render());
    fresh_.emplace(
        name,
        Object{.kind = kind_, .name = name, .content = content, .size_bytes = file.size_bytes()}
    );
    return {};
}

Result<std::optional<Object>> ObjectFolder::find(const Digest& name) const {
    if (auto fresh = find_fresh(name)) {
        return fresh;
    }
    return index_.find_object(kind_, name);
}

Result<Fd> ObjectFolder::open(const Digest& name) const {
    TRY_ASSIGN(const auto object, find(name));
    if (!object) {
        return fail(Code::not_found, "{} {} is not in the store", kind_name(kind_), name.render());
    }
    auto fd = open_at(directory_.get(), name.hex(), O_RDONLY, Resolve::beneath);
    if (!fd && fd.error().code == Code::not_found) {
        // Between the two looks the collector may have come by: then it is simply not there.
        TRY_ASSIGN(const auto again, find(name));
        return fail(
            again ? Code::corrupt : Code::not_found,
            "{} {} is {}",
            kind_name(kind_),
            name.render(),
            again ? "gone from the disk" : "not in the store"
        );
    }
    TRY(fd);
    TRY_ASSIGN(const struct stat facts, stat_fd(fd->get()));
    if (static_cast<std::uint64_t>(facts.st_size) != object->size_bytes) {
        return fail(
            Code::corrupt,
            "{} {} has {} bytes on the disk; {} were written",
            kind_name(kind_),
            name.render(),
            facts.st_size,
            object->size_bytes
        );
    }
    return std::move(*fd);
}

std::vector<Object> ObjectFolder::fresh() const {
    const std::lock_guard lock(mutex_);
    std::vector<Object> all;
    all.reserve(fresh_.size());
    for (const auto& [name, object] : fresh_) {
        all.push_back(object);
    }
    return all;
}

std::optional<Object> ObjectFolder::find_fresh(const Digest& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = fresh_.find(name);
    return found == fresh_.end() ? std::nullopt : std::optional(found->second);
}

Result<void> ObjectFolder::sync(const Digest& name) {
    TRY_ASSIGN(const Fd fd, open_at(directory_.get(), name.hex(), O_RDONLY, Resolve::beneath));
    return files_.sync(fd.get());
}

Result<void> ObjectFolder::sync_directory() {
    return files_.sync(directory_.get());
}

void ObjectFolder::forget_fresh(const Digest& name) {
    const std::lock_guard lock(mutex_);
    fresh_.erase(name);
}

Result<bool> ObjectFolder::retire(const Digest& name, int to_directory) {
    const std::lock_guard lock(mutex_);
    TRY_ASSIGN(const auto durable, index_.find_object(kind_, name));
    if (durable || fresh_.contains(name)) {
        return false;
    }
    const std::string to = fmt::format("{}{}-{}", k_trash_prefix, kind_name(kind_), name.hex());
    auto moved = files_.rename(directory_.get(), name.hex(), to_directory, to);
    if (!moved && moved.error().code == Code::not_found) {
        return false;
    }
    TRY(moved, "while removing {} {}", kind_name(kind_), name.render());
    return true;
}

}  // namespace kiln::store
