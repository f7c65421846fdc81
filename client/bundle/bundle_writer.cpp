#include "client/bundle/bundle_writer.hpp"

#include "client/archive/file_output.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace kiln::client {
namespace {

/// Hashes and counts what is passed on.
class CheckedSink final : public ByteSink {
  public:
    using Told = std::function<void(std::uint64_t bytes)>;

    CheckedSink(ByteSink& out, Told told)
        : out_(out),
          told_(std::move(told)) {}

    Result<void> write(ByteSpan bytes) override {
        TRY(out_.write(bytes));
        hasher_.update(bytes);
        told_(hasher_.size_bytes());
        return {};
    }

    /// Errors   digest_mismatch.
    Result<void> check(const BundleMember& member) {
        const std::uint64_t size_bytes = hasher_.size_bytes();
        if (size_bytes == member.size_bytes && hasher_.finish() == *member.blob) {
            return {};
        }
        return fail(Error{
            .code = Code::digest_mismatch,
            .message = fmt::format(
                "{} came out of the store damaged: it is not {}", member.what, member.blob->render()
            ),
            .hint = "kiln verify --repair puts aside what is damaged"});
    }

  private:
    ByteSink& out_;
    Told told_;
    Hasher hasher_;
};

Result<void> write_member(
    const BundleMember& member,
    const FetchBlob& fetch,
    const WriteObserver& observer,
    std::uint64_t total_bytes,
    ByteSink& out
) {
    TRY(out.write(member.header));
    if (member.blob) {
        CheckedSink checked(out, [&](std::uint64_t bytes) {
            observer(member.content_offset() + bytes, total_bytes);
        });
        TRY(fetch(member, checked), "while writing {}", member.what);
        TRY(checked.check(member));
    } else {
        TRY(out.write(as_bytes(member.text)));
    }
    const Bytes zeros(tar::padding_after(member.size_bytes));
    return out.write(zeros);
}

Result<void> write_from(
    const BundleLayout& layout,
    std::size_t first,
    const FetchBlob& fetch,
    const WriteObserver& observer,
    ByteSink& out
) {
    for (std::size_t i = first; i < layout.members.size(); ++i) {
        TRY(write_member(layout.members[i], fetch, observer, layout.size_bytes, out));
    }
    TRY(out.write(Bytes(tar::k_trailer_bytes)));
    observer(layout.size_bytes, layout.size_bytes);
    return {};
}

Result<bool> holds(int fd, std::uint64_t offset, ByteSpan expected) {
    Bytes bytes(expected.size());
    TRY_ASSIGN(const std::size_t count, pread_some(fd, bytes, offset));
    return count == bytes.size() && std::equal(bytes.begin(), bytes.end(), expected.begin());
}

/// Whether the member is there, whole and right.
Result<bool> is_written(int fd, const BundleMember& member, const std::stop_token& stop) {
    TRY_ASSIGN(const bool has_header, holds(fd, member.offset, member.header));
    if (!has_header) {
        return false;
    }
    const Bytes zeros(tar::padding_after(member.size_bytes));
    TRY_ASSIGN(const bool has_end, holds(fd, member.content_end(), zeros));
    if (!has_end) {
        return false;
    }
    if (!member.blob) {
        return holds(fd, member.content_offset(), as_bytes(member.text));
    }
    FdSource source(fd, member.content_offset(), member.size_bytes);
    TRY_ASSIGN(const Digest digest, digest_of(source, stop));
    return digest == *member.blob;
}

/// How many members of an interrupted writing can stay.
/// Errors   conflict: what is there was never going to be a bundle.
Result<std::size_t> count_written(
    int fd,
    const BundleLayout& layout,
    const std::string& path,
    const WriteObserver& observer,
    const std::stop_token& stop
) {
    std::size_t count = 0;
    while (count < layout.members.size()) {
        TRY_ASSIGN(const bool written, is_written(fd, layout.members[count], stop));
        if (!written) {
            break;
        }
        observer(layout.members[count].end(), layout.size_bytes);
        ++count;
    }
    const Bytes& begin = layout.members.front().header;
    Bytes bytes(begin.size());
    TRY_ASSIGN(const std::size_t there, pread_some(fd, bytes, 0));
    if (!std::equal(
            bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(there), begin.begin()
        )) {
        return fail(Error{
            .code = Code::conflict,
            .message = fmt::format("{} is there, and is no bundle that was begun", path),
            .hint = "move it away, or give the bundle another name"});
    }
    return count;
}

/// Open for whoever goes on with it, and for nobody else.
Result<Fd> open_part(const std::string& path) {
    TRY_ASSIGN(
        Fd file, open_at(AT_FDCWD, path, O_RDWR | O_CREAT, Resolve::anywhere, k_output_mode)
    );
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return fail_errno(path);
        }
        return fail(Code::conflict, "{} is being written by another kiln bundle", path);
    }
    return file;
}

Result<void> resume(
    const BundleLayout& layout,
    const Fd& file,
    const std::string& path,
    const FetchBlob& fetch,
    const WriteObserver& observer,
    const std::stop_token& stop
) {
    TRY_ASSIGN(const std::size_t written, count_written(file.get(), layout, path, observer, stop));
    const std::uint64_t begin = written == 0 ? 0 : layout.members[written - 1].end();
    if (::ftruncate(file.get(), static_cast<off_t>(begin)) != 0
        || ::lseek(file.get(), static_cast<off_t>(begin), SEEK_SET) < 0) {
        return fail_errno(path);
    }
    FdSink out(file.get());
    TRY(write_from(layout, written, fetch, observer, out));
    // It is carried away at once, perhaps on a medium that is pulled out.
    if (::fdatasync(file.get()) != 0) {
        return fail_errno(path);
    }
    return {};
}

}  // namespace

Result<void> write_bundle(
    const BundleLayout& layout,
    const std::string& path,
    int stdout_fd,
    const FetchBlob& fetch,
    const WriteObserver& observer,
    const std::stop_token& stop
) {
    if (path == "-") {
        FdSink out(stdout_fd);
        return write_from(layout, 0, fetch, observer, out);
    }

    struct stat facts {};

    if (::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode)) {
        TRY_ASSIGN(const Fd special, open_at(AT_FDCWD, path, O_WRONLY, Resolve::anywhere));
        FdSink out(special.get());
        return write_from(layout, 0, fetch, observer, out);
    }
    const std::string part = path + ".part";
    TRY_ASSIGN(const Fd file, open_part(part));
    auto written = resume(layout, file, part, fetch, observer, stop);
    if (!written) {
        Error error = std::move(written).error();
        if (error.hint.empty()) {
            error.hint = fmt::format("{} stays: the same command goes on from there", part);
        }
        return fail(std::move(error));
    }
    if (::rename(part.c_str(), path.c_str()) != 0) {
        return fail_errno(path);
    }
    return {};
}

}  // namespace kiln::client
