#include "tests/support/check_gzip_members.hpp"

#include "layers/compress/compressor.hpp"
#include "layers/compress/decompress.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>

namespace kiln::testing {
namespace {

constexpr std::size_t k_limit_bytes = 16UL << 20U;

bool all_zero(ByteSpan bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte each) {
        return each == std::byte{0};
    });
}

/// Members one after the other by zlib; nullopt when it refuses one.
std::optional<Bytes> members_by_zlib(ByteSpan bytes) {
    Bytes plain;
    do {
        z_stream stream{};
        ASSERT(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
        stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
        stream.avail_in = static_cast<uInt>(bytes.size());
        int result = Z_OK;
        while (result == Z_OK && plain.size() <= k_limit_bytes) {
            std::array<std::byte, 4096> buffer;
            stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
            stream.avail_out = buffer.size();
            result = inflate(&stream, Z_NO_FLUSH);
            const auto end = buffer.end() - stream.avail_out;
            plain.insert(plain.end(), buffer.begin(), end);
        }
        bytes = bytes.last(stream.avail_in);
        inflateEnd(&stream);
        if (result != Z_STREAM_END) {
            return std::nullopt;
        }
    } while (!all_zero(bytes));
    return plain;
}

Result<Bytes> plain_of(ByteSpan bytes) {
    SpanSource source(bytes);
    TRY_ASSIGN(
        const auto plain,
        decompress(
            source, {.ratio = 2000, .ratio_floor_bytes = k_limit_bytes, .bytes = k_limit_bytes}
        )
    );
    return read_all(*plain, k_limit_bytes, "the data");
}

}  // namespace

void check_gzip_members(ByteSpan bytes) {
    if (sniff_stream(bytes) == StreamFormat::gzip) {
        const auto ours = plain_of(bytes);
        const auto theirs = members_by_zlib(bytes);
        ASSERT(ours || ours.error().code == Code::corrupt || ours.error().code == Code::too_large);
        if (ours || ours.error().code == Code::corrupt) {
            ASSERT(ours.has_value() == theirs.has_value());
            ASSERT(!ours || *ours == *theirs);
        }
    }
    // One level an input: making a compressor takes longer than all the rest.
    const int level = 1 + static_cast<int>(bytes.size() % 6);
    const auto compressor = make_compressor(Compression::gzip, level).value();
    Bytes member(compressor->bound(bytes.size()));
    member.resize(compressor->compress(bytes, member));
    const auto theirs = members_by_zlib(member);
    ASSERT(theirs && std::ranges::equal(*theirs, bytes));
    ASSERT(std::ranges::equal(plain_of(member).value(), bytes));
}

}  // namespace kiln::testing
