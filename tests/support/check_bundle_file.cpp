#include "tests/support/check_bundle_file.hpp"

#include "client/bundle/bundle_file.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace kiln::testing {
namespace {

bool equal(ByteSpan bytes, std::uint64_t offset, ByteSpan expected) {
    const ByteSpan there = bytes.subspan(static_cast<std::size_t>(offset), expected.size());
    return std::equal(there.begin(), there.end(), expected.begin());
}

}  // namespace

void check_bundle_file(ByteSpan bytes) {
    Fd file(::memfd_create("bundle", MFD_CLOEXEC));
    ASSERT(file.is_open() && write_all(file.get(), bytes));
    const auto bundle = client::BundleFile::open(std::move(file), "bundle.kiln");
    if (!bundle) {
        ASSERT(!bundle.error().message.empty());
        return;
    }
    const client::BundleLayout& layout = bundle->layout();
    ASSERT(layout.size_bytes == bytes.size());
    std::uint64_t offset = 0;
    for (const client::BundleMember& member : layout.members) {
        ASSERT(member.offset == offset);
        ASSERT(equal(bytes, offset, member.header));
        ASSERT(member.blob || equal(bytes, member.content_offset(), as_bytes(member.text)));
        offset = member.end();
        if (member.blob) {
            ASSERT(bundle->find(*member.blob) != nullptr);
            ASSERT(!bundle->altered(member).message.empty());
        }
    }
    ASSERT(bundle->find(layout.document) != nullptr);
}

}  // namespace kiln::testing
