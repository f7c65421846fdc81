#include "layers/conda/payload_spool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kiln::conda {

namespace {

constexpr std::size_t k_first_bytes = 1024UL * 1024;
constexpr std::size_t k_copy_bytes = 256UL * 1024;

Result<Fd> make_scratch(int directory_fd) {
    if (directory_fd >= 0) {
        return open_at(directory_fd, ".", O_TMPFILE | O_RDWR, Resolve::beneath, 0600);
    }
    Fd fd(::memfd_create("conda-payload", MFD_CLOEXEC));
    if (!fd.is_open()) {
        return fail_errno("memfd_create");
    }
    return fd;
}

}  // namespace

Result<Spooled> PayloadSpool::keep(ByteSource& content, std::uint64_t size_bytes) {
    if (size_bytes == 0) {
        return Spooled{};
    }
    if (size_bytes <= memory_left_) {
        return keep_in_memory(content, static_cast<std::size_t>(size_bytes));
    }
    return keep_in_file(content, size_bytes);
}

Result<Bytes> PayloadSpool::copy(const Spooled& kept) const {
    Bytes bytes(kept.size_bytes);
    if (!in_memory(kept)) {
        TRY(pread_exact(scratch_.get(), bytes, kept.offset));
    } else if (!bytes.empty()) {
        std::memcpy(bytes.data(), kept.memory, bytes.size());
    }
    return bytes;
}

Result<Spooled> PayloadSpool::keep_in_memory(ByteSource& content, std::size_t size_bytes) {
    if (size_bytes > free_bytes_) {
        TRY(make_room(size_bytes));
    }
    TRY(read_exact(content, {free_, size_bytes}));
    const Spooled kept{.size_bytes = size_bytes, .memory = free_};
    free_ += size_bytes;
    free_bytes_ -= size_bytes;
    memory_left_ -= size_bytes;
    return kept;
}

/// A small piece of the heap at first, then everything else in one mapping: of huge pages where the
/// kernel has them, for the faults of small ones cost a package more than its hashes.
Result<void> PayloadSpool::make_room(std::size_t size_bytes) {
    ASSERT(!mapping_);  // it holds all that may still come
    if (!first_ && size_bytes <= k_first_bytes) {
        // Left as it comes: every byte is written before it is read.
        first_ = std::make_unique_for_overwrite<std::byte[]>(k_first_bytes);
        free_ = first_.get();
        free_bytes_ = k_first_bytes;
        return {};
    }
    const int access = PROT_READ | PROT_WRITE;
    const int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* start = ::mmap(nullptr, memory_left_, access, kind, -1, 0);
    if (start == MAP_FAILED) {
        return fail_errno("mmap");
    }
    static_cast<void>(::madvise(start, memory_left_, MADV_HUGEPAGE));  // or else as it is
    mapping_ = {static_cast<std::byte*>(start), Unmap{memory_left_}};
    free_ = mapping_.get();
    free_bytes_ = memory_left_;
    return {};
}

void PayloadSpool::Unmap::operator()(std::byte* start) const {
    ::munmap(start, size_bytes);
}

Result<Spooled> PayloadSpool::keep_in_file(ByteSource& content, std::uint64_t size_bytes) {
    if (!scratch_.is_open()) {
        TRY_ASSIGN(scratch_, make_scratch(scratch_directory_fd_));
    }
    const Spooled kept{.size_bytes = size_bytes, .offset = scratch_bytes_};
    Bytes buffer(std::min<std::uint64_t>(size_bytes, k_copy_bytes));
    for (std::uint64_t left = size_bytes; left > 0;) {
        const MutableByteSpan part =
            MutableByteSpan(buffer).first(std::min<std::uint64_t>(left, buffer.size()));
        TRY(read_exact(content, part));
        TRY(pwrite_all(scratch_.get(), part, scratch_bytes_));
        scratch_bytes_ += part.size();
        left -= part.size();
    }
    return kept;
}

}  // namespace kiln::conda
