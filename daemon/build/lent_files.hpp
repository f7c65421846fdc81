#pragma once

#include "store/base/file.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <map>
#include <memory>

namespace kiln::daemon {

/// Whether a file that came open from a client may be read where it lies: a regular file, open for
/// reading, not on a file system where a read can wait for a network or for the client itself.
bool can_be_lent(const Fd& file);

/// Large files of a context that its client keeps open for us (SCM_RIGHTS) instead of sending their
/// bytes: they are read where they lie and are never copied. Whoever lent a file may still write to
/// it, so what is read is hashed each time.
/// Thread   immutable once it is shared; any.
class LentFiles {
  public:
    /// False: this one must be sent, for it can't be lent or has another size.
    bool add(const Digest& content, Fd file, std::uint64_t size_bytes);

    [[nodiscard]] bool contains(const Digest& content) const { return files_.contains(content); }

    [[nodiscard]] bool empty() const { return files_.empty(); }

    /// The bytes of a content that is here; `lent` stays as long as the source.
    /// Errors   of read(): conflict when the file is no longer what it was, at its end at latest.
    static std::unique_ptr<ByteSource> open(
        std::shared_ptr<const LentFiles> lent, const Digest& content
    );

  private:
    struct File {
        Fd fd;
        std::uint64_t size_bytes = 0;
    };

    class Source;

    std::map<Digest, File> files_;
};

/// What the clients of one build keep open for it, by the digest of the context's listing.
using LentByListing = std::map<Digest, std::shared_ptr<const LentFiles>>;

}  // namespace kiln::daemon
