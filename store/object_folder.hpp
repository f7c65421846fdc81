#pragma once

#include "store/base/file.hpp"
#include "store/file_layer.hpp"
#include "store/index.hpp"
#include "store/lease.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kiln::store {

/// A file that is being written. Without a name where the file system can, so
/// that a crash leaves nothing; otherwise in kiln/tmp, which is emptied at start.
class NewFile {
  public:
    static Result<NewFile> create(FileLayer& files, int temporary_directory);
    /// One with a name, of which some may be there already: it is written on from its end, and
    /// stays where it is until it is let go.
    static Result<NewFile> go_on(FileLayer& files, int directory, std::string name);
    NewFile(NewFile&& other) noexcept;
    NewFile& operator=(NewFile&&) = delete;
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile();

    Result<void> write(ByteSpan bytes);
    /// From now on its name goes when this does, as that of any other.
    Result<void> let_go();

    [[nodiscard]] int fd() const { return fd_.get(); }

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  private:
    NewFile(FileLayer& files, int directory, Fd fd, std::string name);

    FileLayer* files_;
    int directory_;
    Fd fd_;
    std::string name_;  // "" when it has none
    bool is_kept_ = false;
    std::uint64_t size_bytes_ = 0;
};

/// One directory of immutable files, each named by a digest in hex. A file exists when the index
/// says that it is durable, or when this process has published it (it is *fresh*); what else lies
/// there is left over from a crash, may be torn, and is replaced or collected.
/// Thread   any.
class ObjectFolder {
  public:
    ObjectFolder(
        ObjectKind kind, FileLayer& files, const Index& index, Fd directory, int temporary_directory
    );

    Result<NewFile> begin();
    /// Gives the file its name; one that exists already is kept and the new one vanishes. `content`
    /// is the digest of its bytes; of a pack, whose parts have digests of their own, its name.
    Result<void> publish(NewFile file, const Digest& name, const Digest& content);
    [[nodiscard]] Result<std::optional<Object>> find(const Digest& name) const;
    /// Errors   not_found; corrupt when the file is gone from the disk or has another size.
    [[nodiscard]] Result<Fd> open(const Digest& name) const;

    /// What was published and is not durable.
    [[nodiscard]] std::vector<Object> fresh() const;
    [[nodiscard]] std::optional<Object> find_fresh(const Digest& name) const;
    Result<void> sync(const Digest& name);
    Result<void> sync_directory();
    /// The index knows it now, or nothing does.
    void forget_fresh(const Digest& name);

    /// Moves a file that neither the index nor this process knows to another directory: false when
    /// it is known (again), or absent.
    Result<bool> retire(const Digest& name, int to_directory);

    [[nodiscard]] ObjectKind kind() const { return kind_; }

    [[nodiscard]] int directory() const { return directory_.get(); }

  private:
    ObjectKind kind_;
    FileLayer& files_;
    const Index& index_;
    Fd directory_;
    int temporary_directory_;
    mutable std::mutex mutex_;
    std::map<Digest, Object> fresh_;
};

/// What was retired to be deleted, in kiln/tmp.
inline constexpr std::string_view k_trash_prefix = "gone-";

/// "blob", "table", "pack": for messages.
std::string_view kind_name(ObjectKind kind);

}  // namespace kiln::store
