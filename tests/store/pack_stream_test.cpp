#include "store/pack_stream.hpp"

#include "store/hasher.hpp"
#include "tests/support/check_context_upload.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace kiln::store {
namespace {

Bytes render(const std::vector<std::string>& contents) {
    Bytes stream;
    for (const std::string& content : contents) {
        const auto header =
            PackHeader{.content = digest_of(content), .size_bytes = content.size()}.render();
        stream.insert(stream.end(), header.begin(), header.end());
        const ByteSpan bytes = as_bytes(content);
        stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    return stream;
}

RC_GTEST_PROP(PackStreamLaw, TakesEveryRightStream, (const std::vector<std::string>& contents)) {
    const Bytes stream = render(contents);

    testing::check_context_upload(stream);

    SpanSource source(stream);
    PackStream reader(source);
    std::string content(4096, '\0');
    for (const std::string& expected : contents) {
        const auto header = reader.next();
        RC_ASSERT(header.has_value());
        RC_ASSERT((*header)->content == digest_of(expected));
        std::string read;
        while (const std::size_t count = *reader.read(std::as_writable_bytes(std::span(content)))) {
            read += content.substr(0, count);
        }
        RC_ASSERT(read == expected);
    }
    RC_ASSERT(!reader.next()->has_value());
}

RC_GTEST_PROP(PackStreamLaw, AnswersTheSameForEveryReadSize, (std::vector<std::string> contents)) {
    contents.emplace_back("last");
    Bytes stream = render(contents);
    const auto at = *rc::gen::inRange<std::size_t>(0, stream.size());
    stream[at] ^= std::byte{static_cast<unsigned char>(*rc::gen::inRange(1, 256))};
    stream.resize(stream.size() - *rc::gen::inRange<std::size_t>(0, 5));

    testing::check_context_upload(stream);
}

}  // namespace
}  // namespace kiln::store
