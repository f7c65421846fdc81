#include "daemon/build/lent_files.hpp"

#include "store/hasher.hpp"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::daemon {
namespace {

/// File systems whose reads depend on somebody else (statfs(2), f_type).
constexpr std::array<std::uint32_t, 8> k_remote_file_systems = {
    0x65735546,  // FUSE
    0x00006969,  // NFS
    0xff534d42,  // CIFS
    0xfe534d42,  // SMB2
    0x01021997,  // 9P
    0x00c36400,  // Ceph
    0x5346414f,  // AFS
    0x0bd00bd0,  // Lustre
};

bool is_local(const Fd& file) {
    struct statfs facts {};

    return ::fstatfs(file.get(), &facts) == 0
           && std::ranges::count(k_remote_file_systems, static_cast<std::uint32_t>(facts.f_type))
                  == 0;
}

bool is_readable(const Fd& file) {
    const int flags = ::fcntl(file.get(), F_GETFL);
    return flags >= 0 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY;
}

}  // namespace

bool can_be_lent(const Fd& file) {
    const auto facts = stat_fd(file.get());
    return facts && S_ISREG(facts->st_mode) && is_readable(file) && is_local(file);
}

/// Hashes what passes; the last read before the end tells whether it was the content.
class LentFiles::Source final : public ByteSource {
  public:
    Source(std::shared_ptr<const LentFiles> lent, const Digest& content, const File& file)
        : lent_(std::move(lent)),
          content_(content),
          inner_(file.fd.get(), 0, file.size_bytes),
          left_(file.size_bytes) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        TRY_ASSIGN(const std::size_t count, inner_.read(into));
        hasher_.update(into.first(count));
        left_ -= count;
        const bool ended = left_ == 0 || (count == 0 && !into.empty());
        if (ended && !checked_) {
            checked_ = true;
            if (left_ > 0 || hasher_.finish() != content_) {
                return fail(Error{
                    .code = Code::conflict,
                    .message = "the file was changed while it was read",
                    .hint = "build again when nothing writes to it"});
            }
        }
        return count;
    }

  private:
    std::shared_ptr<const LentFiles> lent_;
    Digest content_;
    FdSource inner_;
    std::uint64_t left_;
    Hasher hasher_;
    bool checked_ = false;
};

bool LentFiles::add(const Digest& content, Fd file, std::uint64_t size_bytes) {
    const auto facts = stat_fd(file.get());
    if (!facts || std::cmp_not_equal(facts->st_size, size_bytes) || !can_be_lent(file)) {
        return false;
    }
    files_.try_emplace(content, File{.fd = std::move(file), .size_bytes = size_bytes});
    return true;
}

std::unique_ptr<ByteSource> LentFiles::open(
    std::shared_ptr<const LentFiles> lent, const Digest& content
) {
    const File& file = lent->files_.at(content);
    return std::make_unique<Source>(std::move(lent), content, file);
}

}  // namespace kiln::daemon
