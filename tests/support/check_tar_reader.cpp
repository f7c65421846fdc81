#include "tests/support/check_tar_reader.hpp"

#include "layers/tar/tar_reader.hpp"
#include "layers/tar/tar_writer.hpp"

#include <vector>

namespace kiln::testing {
namespace {

constexpr std::uint64_t k_file_bytes = 1U << 20U;
constexpr std::uint64_t k_content_bytes = 4U << 20U;

struct Member {
    tar::TarEntry entry;
    Bytes content;
    bool operator==(const Member&) const = default;
};

/// All entries up to the end or the first error.
std::vector<Member> members_of(ByteSpan archive, bool& whole) {
    const tar::TarReaderLimits limits{
        .entries = 1000,
        .content_bytes = k_content_bytes,
        .file_bytes = k_file_bytes,
        .stream = {.ratio = 1000, .ratio_floor_bytes = 1U << 20U, .bytes = 64U << 20U}};
    SpanSource source(archive);
    std::vector<Member> members;
    auto reader = tar::TarReader::open(source, limits, {});
    whole = false;
    while (reader) {
        auto entry = reader->next();
        if (!entry || !*entry) {
            whole = entry.has_value();
            break;
        }
        const std::uint64_t size = (*entry)->size_bytes;
        ASSERT(size <= k_file_bytes);
        const auto clean = tar::clean_path((*entry)->path);
        ASSERT(clean && *clean == (*entry)->path);
        auto content = read_all(reader->content(), k_file_bytes, "content");
        if (!content) {
            break;
        }
        ASSERT(content->size() == size);
        members.push_back({.entry = std::move(**entry), .content = std::move(*content)});
    }
    ASSERT(members.size() <= limits.entries);
    return members;
}

}  // namespace

void check_tar_reader(ByteSpan archive) {
    bool whole = false;
    const std::vector<Member> members = members_of(archive, whole);

    MemorySink sink(64UL << 20U);
    tar::TarWriter writer(sink);
    for (const Member& member : members) {
        ASSERT(writer.append(member.entry).has_value());
        ASSERT(writer.write(member.content).has_value());
    }
    ASSERT(writer.finish().has_value());

    ASSERT(members_of(sink.bytes(), whole) == members);
    ASSERT(whole);
}

}  // namespace kiln::testing
