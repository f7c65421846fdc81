#include "store/pack_stream.hpp"

#include "store/base/limits.hpp"

#include <algorithm>

namespace kiln::store {
namespace {

/// One file of a context; a larger one is beyond what a layer's tar takes.
constexpr std::uint64_t k_content_bytes = 64 * limits::k_gib;

}  // namespace

PackHeader PackHeader::parse(const Raw& raw) {
    Digest::Raw digest{};
    std::copy_n(raw.begin(), digest.size(), digest.begin());
    PackHeader header{.content = Digest(digest), .size_bytes = 0};
    for (std::size_t i = 0; i < 8; ++i) {
        header.size_bytes |= std::to_integer<std::uint64_t>(raw.at(digest.size() + i)) << (8 * i);
    }
    return header;
}

PackHeader::Raw PackHeader::render() const {
    Raw raw{};
    std::copy(content.raw().begin(), content.raw().end(), raw.begin());
    for (std::size_t i = 0; i < 8; ++i) {
        raw.at(Digest::k_size + i) = static_cast<std::byte>((size_bytes >> (8 * i)) & 0xffU);
    }
    return raw;
}

Result<std::optional<PackHeader>> PackStream::next() {
    ASSERT(rest_ == 0);
    PackHeader::Raw raw{};
    TRY_ASSIGN(const std::size_t first, source_.read(MutableByteSpan(raw).first(1)));
    if (first == 0) {
        return std::optional<PackHeader>{};
    }
    TRY(read_exact(source_, MutableByteSpan(raw).subspan(1)));
    header_ = PackHeader::parse(raw);
    if (header_.size_bytes > k_content_bytes) {
        return fail(
            Code::too_large,
            "content {} claims {}; at most {} are taken",
            header_.content.render(),
            render_size(header_.size_bytes),
            render_size(k_content_bytes)
        );
    }
    rest_ = header_.size_bytes;
    if (rest_ == 0 && hasher_.finish() != header_.content) {
        return fail(
            Code::digest_mismatch, "an empty content was named {}", header_.content.render()
        );
    }
    return std::optional<PackHeader>(header_);
}

Result<std::size_t> PackStream::read(MutableByteSpan into) {
    if (rest_ == 0) {
        return std::size_t{0};
    }
    const MutableByteSpan wanted =
        into.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest_, into.size())));
    TRY_ASSIGN(const std::size_t count, source_.read(wanted));
    if (count == 0) {
        return fail(
            Code::corrupt, "content {} ends {} bytes early", header_.content.render(), rest_
        );
    }
    hasher_.update(wanted.first(count));
    rest_ -= count;
    if (rest_ == 0) {
        const Digest actual = hasher_.finish();
        if (actual != header_.content) {
            return fail(
                Code::digest_mismatch,
                "content {} was named {}",
                actual.render(),
                header_.content.render()
            );
        }
    }
    return count;
}

}  // namespace kiln::store
