#include "tests/support/check_context_upload.hpp"

#include "store/hasher.hpp"
#include "store/pack_stream.hpp"

namespace kiln::testing {
namespace {

/// The stream as it was understood, written again.
Result<Bytes> read_again(ByteSpan bytes, std::size_t read_size) {
    SpanSource source(bytes);
    store::PackStream contents(source);
    Bytes again;
    Bytes buffer(read_size);
    while (true) {
        TRY_ASSIGN(const auto header, contents.next());
        if (!header) {
            return again;
        }
        const auto raw = header->render();
        ASSERT(store::PackHeader::parse(raw) == *header);
        again.insert(again.end(), raw.begin(), raw.end());
        const std::size_t begin = again.size();
        while (true) {
            TRY_ASSIGN(const std::size_t count, contents.read(buffer));
            if (count == 0) {
                break;
            }
            again.insert(
                again.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count)
            );
            ASSERT(again.size() <= bytes.size());
        }
        const ByteSpan content = ByteSpan(again).subspan(begin);
        ASSERT(content.size() == header->size_bytes);
        ASSERT(digest_of(content) == header->content);
    }
}

}  // namespace

void check_context_upload(ByteSpan bytes) {
    const auto whole = read_again(bytes, 65536);
    const auto small = read_again(bytes, 7);
    ASSERT(whole.has_value() == small.has_value());
    if (!whole) {
        ASSERT(whole.error().code == small.error().code);
        ASSERT(!whole.error().message.empty());
        return;
    }
    ASSERT(*whole == *small);
    ASSERT(whole->size() == bytes.size());
    ASSERT(std::equal(whole->begin(), whole->end(), bytes.begin()));
}

}  // namespace kiln::testing
