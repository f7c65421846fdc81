#include "layers/conda/zip_directory.hpp"

#include "layers/compress/decompress.hpp"
#include "store/base/file.hpp"

#include <algorithm>
#include <array>

namespace kiln::conda {

namespace {

constexpr std::uint32_t k_end_signature = 0x06054b50;
constexpr std::uint32_t k_end64_signature = 0x06064b50;
constexpr std::uint32_t k_locator64_signature = 0x07064b50;
constexpr std::uint32_t k_member_signature = 0x02014b50;
constexpr std::uint32_t k_local_signature = 0x04034b50;
constexpr std::size_t k_end_bytes = 22;
constexpr std::size_t k_end64_bytes = 56;
constexpr std::size_t k_locator64_bytes = 20;
constexpr std::size_t k_member_bytes = 46;
constexpr std::size_t k_local_bytes = 30;
constexpr std::size_t k_comment_bytes = 0xffff;
constexpr std::uint32_t k_in_extra = 0xffffffff;  // the true value is in the zip64 extra field

struct DirectoryPlace {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t members = 0;
};

template<class T>
T little(ByteSpan bytes, std::size_t at) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value = static_cast<T>(value | (static_cast<T>(bytes[at + i]) << (8 * i)));
    }
    return value;
}

Result<DirectoryPlace> find_directory(int fd, std::uint64_t file_bytes);
Result<DirectoryPlace> read_end64(int fd, std::uint64_t locator_at, const DirectoryPlace& place);
Result<ZipMember> read_member(ByteSpan& rest);
Result<void> read_extra64(ByteSpan extra, ZipMember& member);

}  // namespace

Result<std::vector<ZipMember>> read_zip_directory(int fd) {
    TRY_ASSIGN(const struct stat status, stat_fd(fd));
    const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
    TRY_ASSIGN(const DirectoryPlace place, find_directory(fd, file_bytes));
    if (place.members > k_zip_members || place.size_bytes > k_zip_directory_bytes) {
        return fail(Code::too_large, "the zip has {} members", place.members);
    }
    if (place.offset > file_bytes || place.size_bytes > file_bytes - place.offset) {
        return fail(Code::corrupt, "the zip directory lies beyond the end of the file");
    }
    Bytes directory(place.size_bytes);
    TRY(pread_exact(fd, directory, place.offset));
    ByteSpan rest = directory;
    std::vector<ZipMember> members;
    for (std::uint64_t i = 0; i < place.members; ++i) {
        TRY_ASSIGN(ZipMember member, read_member(rest));
        if (member.header_offset > file_bytes
            || member.compressed_bytes > file_bytes - member.header_offset) {
            return fail(Code::corrupt, "{} lies beyond the end of the zip", member.name);
        }
        members.push_back(std::move(member));
    }
    return members;
}

namespace {

/// Deflated data between the header and trailer of a gzip member, so that the one decompressor
/// reads it and checks size and checksum.
class DeflatedMember final : public ByteSource {
  public:
    DeflatedMember(int fd, std::uint64_t offset, const ZipMember& member)
        : data_(fd, offset, member.compressed_bytes) {
        for (std::size_t i = 0; i < 4; ++i) {
            trailer_[i] = static_cast<std::byte>(member.crc32 >> (8 * i));
            trailer_[4 + i] = static_cast<std::byte>(member.size_bytes >> (8 * i));
        }
    }

    Result<std::size_t> read(MutableByteSpan into) override {
        TRY_ASSIGN(const std::size_t head, head_source_.read(into));
        if (head > 0 || into.empty()) {
            return head;
        }
        TRY_ASSIGN(const std::size_t body, data_.read(into));
        if (body > 0) {
            return body;
        }
        return tail_source_.read(into);
    }

  private:
    static constexpr std::array<std::byte, 10> k_header{
        std::byte{0x1f}, std::byte{0x8b}, std::byte{8}, {}, {}, {}, {}, {}, {}, std::byte{0xff}};
    std::array<std::byte, 8> trailer_{};
    SpanSource head_source_{k_header};
    FdSource data_;
    SpanSource tail_source_{trailer_};
};

/// A decompressed stream together with what it reads from.
class Inflated final : public ByteSource {
  public:
    Inflated(std::unique_ptr<ByteSource> from, std::unique_ptr<ByteSource> plain)
        : from_(std::move(from)),
          plain_(std::move(plain)) {}

    Result<std::size_t> read(MutableByteSpan into) override { return plain_->read(into); }

  private:
    std::unique_ptr<ByteSource> from_;
    std::unique_ptr<ByteSource> plain_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_zip_member(int fd, const ZipMember& member) {
    std::array<std::byte, k_local_bytes> local{};
    TRY(pread_exact(fd, local, member.header_offset));
    if (little<std::uint32_t>(local, 0) != k_local_signature) {
        return fail(Code::corrupt, "{} has no header in the zip", member.name);
    }
    const std::uint64_t offset = member.header_offset + k_local_bytes
                                 + little<std::uint16_t>(local, 26)
                                 + little<std::uint16_t>(local, 28);
    TRY_ASSIGN(const struct stat status, stat_fd(fd));
    const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
    if (offset > file_bytes || member.compressed_bytes > file_bytes - offset) {
        return fail(Code::corrupt, "{} lies beyond the end of the zip", member.name);
    }
    if (member.method == ZipMethod::stored) {
        return std::unique_ptr<ByteSource>(
            std::make_unique<FdSource>(fd, offset, member.compressed_bytes)
        );
    }
    std::unique_ptr<ByteSource> from = std::make_unique<DeflatedMember>(fd, offset, member);
    TRY_ASSIGN(std::unique_ptr<ByteSource> plain, decompress(*from));
    return std::unique_ptr<ByteSource>(std::make_unique<Inflated>(std::move(from), std::move(plain))
    );
}

namespace {

/// The end record is the last thing in the file but for a comment, so it is looked for backwards.
Result<DirectoryPlace> find_directory(int fd, std::uint64_t file_bytes) {
    const std::uint64_t tail_bytes =
        std::min<std::uint64_t>(file_bytes, k_end_bytes + k_comment_bytes + k_locator64_bytes);
    const std::uint64_t tail_at = file_bytes - tail_bytes;
    Bytes tail(tail_bytes);
    TRY(pread_exact(fd, tail, tail_at));
    for (std::size_t at = tail.size() < k_end_bytes ? 0 : tail.size() - k_end_bytes + 1; at > 0;) {
        --at;
        if (little<std::uint32_t>(tail, at) != k_end_signature
            || at + k_end_bytes + little<std::uint16_t>(tail, at + 20) != tail.size()) {
            continue;
        }
        if (little<std::uint16_t>(tail, at + 4) != little<std::uint16_t>(tail, at + 6)) {
            return fail(Code::unsupported, "the zip is one part of several");
        }
        const DirectoryPlace place{
            .offset = little<std::uint32_t>(tail, at + 16),
            .size_bytes = little<std::uint32_t>(tail, at + 12),
            .members = little<std::uint16_t>(tail, at + 10)};
        const bool has_locator =
            at >= k_locator64_bytes
            && little<std::uint32_t>(tail, at - k_locator64_bytes) == k_locator64_signature;
        if (has_locator) {
            return read_end64(fd, tail_at + at - k_locator64_bytes, place);
        }
        return place;
    }
    return fail(Error{
        .code = Code::corrupt,
        .message = "there is no zip directory at its end",
        .hint = "the file may be cut off"});
}

Result<DirectoryPlace> read_end64(int fd, std::uint64_t locator_at, const DirectoryPlace& place) {
    std::array<std::byte, k_locator64_bytes> locator{};
    TRY(pread_exact(fd, locator, locator_at));
    const auto end_at = little<std::uint64_t>(locator, 8);
    if (end_at > locator_at || locator_at - end_at < k_end64_bytes) {
        return fail(Code::corrupt, "the zip64 directory end lies beyond the file");
    }
    std::array<std::byte, k_end64_bytes> end{};
    TRY(pread_exact(fd, end, end_at));
    if (little<std::uint32_t>(end, 0) != k_end64_signature) {
        return fail(Code::corrupt, "the zip64 directory end is not where it is said to be");
    }
    const DirectoryPlace place64{
        .offset = little<std::uint64_t>(end, 48),
        .size_bytes = little<std::uint64_t>(end, 40),
        .members = little<std::uint64_t>(end, 32)};
    // A plain record that says everything itself must say the same.
    if (place.offset != k_in_extra && place.offset != place64.offset) {
        return fail(Code::corrupt, "the zip has two directories that differ");
    }
    return place64;
}

Result<ZipMember> read_member(ByteSpan& rest) {
    if (rest.size() < k_member_bytes || little<std::uint32_t>(rest, 0) != k_member_signature) {
        return fail(Code::corrupt, "the zip directory ends early");
    }
    const std::size_t name_bytes = little<std::uint16_t>(rest, 28);
    const std::size_t extra_bytes = little<std::uint16_t>(rest, 30);
    const std::size_t comment_bytes = little<std::uint16_t>(rest, 32);
    if (rest.size() - k_member_bytes < name_bytes + extra_bytes + comment_bytes) {
        return fail(Code::corrupt, "the zip directory ends early");
    }
    ZipMember member{
        .name = std::string(as_text(rest.subspan(k_member_bytes, name_bytes))),
        .method = ZipMethod::stored,
        .crc32 = little<std::uint32_t>(rest, 16),
        .compressed_bytes = little<std::uint32_t>(rest, 20),
        .size_bytes = little<std::uint32_t>(rest, 24),
        .header_offset = little<std::uint32_t>(rest, 42)};
    const auto flags = little<std::uint16_t>(rest, 8);
    const auto method = little<std::uint16_t>(rest, 10);
    if ((flags & 1U) != 0) {
        return fail(Code::unsupported, "{} in the zip is encrypted", member.name);
    }
    if (method != 0 && method != 8) {
        return fail(
            Code::unsupported, "{} in the zip is compressed by method {}", member.name, method
        );
    }
    member.method = static_cast<ZipMethod>(method);
    TRY(read_extra64(rest.subspan(k_member_bytes + name_bytes, extra_bytes), member));
    if (member.method == ZipMethod::stored && member.compressed_bytes != member.size_bytes) {
        return fail(Code::corrupt, "{} is stored in the zip with two sizes", member.name);
    }
    rest = rest.subspan(k_member_bytes + name_bytes + extra_bytes + comment_bytes);
    return member;
}

/// Tag 0x0001 holds, in this order, only those values that did not fit. Writers may put the field
/// where all of them do.
Result<void> read_extra64(ByteSpan extra, ZipMember& member) {
    while (extra.size() >= 4) {
        const auto tag = little<std::uint16_t>(extra, 0);
        const std::size_t size = little<std::uint16_t>(extra, 2);
        if (extra.size() - 4 < size) {
            return fail(Code::corrupt, "{} has a broken extra field in the zip", member.name);
        }
        ByteSpan field = extra.subspan(4, size);
        extra = extra.subspan(4 + size);
        if (tag != 1) {
            continue;
        }
        for (std::uint64_t* value :
             {&member.size_bytes, &member.compressed_bytes, &member.header_offset}) {
            if (*value != k_in_extra) {
                continue;
            }
            if (field.size() < 8) {
                return fail(Code::corrupt, "{} lacks its zip64 sizes", member.name);
            }
            *value = little<std::uint64_t>(field, 0);
            field = field.subspan(8);
        }
        return {};
    }
    return {};
}

}  // namespace

}  // namespace kiln::conda
