#include "layers/tar/tar_writer.hpp"

#include "layers/tar/header.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/hasher.hpp"
#include "tests/support/arbitrary_entry.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temp_directory.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::tar {
namespace {

using testing::arbitrary_entry;
using testing::FailsWith;
using testing::Succeeds;

constexpr UnixSeconds k_golden_time = 1445412480;

struct Member {
    TarEntry entry;
    std::string content;
};

Member directory(std::string path) {
    return {
        {.path = std::move(path),
         .type = EntryType::directory,
         .mode = 0755,
         .mtime = k_golden_time},
        ""};
}

Member file(std::string path, std::string content, std::uint32_t mode = 0644) {
    const std::uint64_t size = content.size();
    return {
        {.path = std::move(path), .mode = mode, .size_bytes = size, .mtime = k_golden_time},
        std::move(content)};
}

Bytes written(const std::vector<Member>& members) {
    MemorySink sink(64UL << 20U);
    TarWriter writer(sink);
    for (const Member& member : members) {
        EXPECT_THAT(writer.append(member.entry), Succeeds());
        EXPECT_THAT(writer.write(as_bytes(member.content)), Succeeds());
    }
    EXPECT_THAT(writer.finish(), Succeeds());
    return sink.take();
}

// The diff_ids of buildkit's compatibility goldens, made by Go's archive/tar.
TEST(TarWriter, WritesTheBytesThatBuildkitWrites) {
    const Bytes base = written(
        {directory("base"),
         file("base/base.txt", "compatibility base\n"),
         directory("proc"),
         directory("sys")}
    );
    const Bytes inputs = written(
        {directory("inputs"),
         directory("inputs/git"),
         file("inputs/git/git.txt", "git fixture\n"),
         file("inputs/git/nested.txt", "nested fixture\n"),
         file("inputs/http.txt", "http fixture\n", 0600),
         file("inputs/llb.txt", "llb fixture\n")}
    );
    const Bytes exec = written(
        {directory("generated"),
         directory("generated/deeper"),
         file("generated/deeper/nested.txt", "nested-exec\n"),
         file("generated/exec.txt", "exec-fixture\n")}
    );

    EXPECT_EQ(
        digest_of(base).hex(), "007165e99d6304af5653e8a8cc1c8886e5719cf31bf09cbd9f50fa09008ef654"
    );
    EXPECT_EQ(
        digest_of(inputs).hex(), "9228085939d1444bd500ac8a4f8ee9d39fed1e5905da0968ffed61887ab41042"
    );
    EXPECT_EQ(
        digest_of(exec).hex(), "672c0da84adab23797eebbf41315e289f03b02e266bdd6f6e88a7736583a4466"
    );
}

TEST(TarWriter, UsesOneBlockWhereUstarFits) {
    TarEntry entry{.path = std::string(155, 'a') + "/" + std::string(100, 'b'), .uid = 2097151};

    EXPECT_EQ(render_header(entry).size(), k_block_bytes);
}

TEST(TarWriter, UsesPaxOnlyForWhatUstarCannotHold) {
    const std::vector<TarEntry> entries{
        {.path = std::string(101, 'a')},
        {.path = "\xc3\xa4"},
        {.path = "a", .uid = 2097152},
        {.path = "a", .gid = 2097152},
        {.path = "a", .size_bytes = 8ULL << 30U},
        {.path = "a", .mtime = -1},
        {.path = "a", .type = EntryType::symlink, .link = std::string(101, 'a')},
        {.path = "a", .xattrs = {{"user.x", "y"}}},
    };

    for (const TarEntry& entry : entries) {
        EXPECT_EQ(render_header(entry).size(), 3 * k_block_bytes) << entry.path;
    }
}

TEST(TarWriter, RefusesContentThatTheHeaderDoesNotAnnounce) {
    MemorySink sink(1 << 20);
    TarWriter writer(sink);
    ASSERT_THAT(writer.append({.path = "a", .size_bytes = 3}), Succeeds());

    EXPECT_THAT(writer.finish(), FailsWith(Code::internal));
    EXPECT_THAT(writer.write(as_bytes("four")), FailsWith(Code::internal));
}

RC_GTEST_PROP(TarWriter, IsReadBackByTheReader, ()) {
    const auto entries = *rc::gen::container<std::vector<TarEntry>>(arbitrary_entry());
    MemorySink sink(64UL << 20U);
    TarWriter writer(sink);
    for (const TarEntry& entry : entries) {
        RC_ASSERT(writer.append(entry).has_value());
        RC_ASSERT(writer.write(Bytes(entry.size_bytes, std::byte{'x'})).has_value());
    }
    RC_ASSERT(writer.finish().has_value());

    SpanSource source(sink.bytes());
    auto reader = TarReader::open(source, {}, {});

    RC_ASSERT(reader.has_value());
    for (const TarEntry& entry : entries) {
        const auto read = reader->next();
        RC_ASSERT(read.has_value());
        RC_ASSERT(read->has_value());
        RC_ASSERT(**read == entry);
        const auto content = read_all(reader->content(), 1 << 20, "content");
        RC_ASSERT(content.has_value());
        RC_ASSERT(*content == Bytes(entry.size_bytes, std::byte{'x'}));
    }
    RC_ASSERT(reader->next().value() == std::nullopt);
}

TEST(TarWriter, IsReadByGnuTarAndBsdtar) {
    testing::TempDirectory directory_on_disk;
    const std::string long_name = std::string(120, 'l') + "/" + std::string(200, 'n');
    const Bytes bytes = written(
        {directory("d"),
         file("d/\xc3\xa4", "umlaut"),
         file(long_name, "long"),
         {{.path = "d/link",
           .type = EntryType::symlink,
           .mode = 0777,
           .link = std::string(300, 't')},
          ""},
         {{.path = "d/hard", .type = EntryType::hardlink, .mode = 0644, .link = "d/\xc3\xa4"}, ""},
         {{.path = "d/null",
           .type = EntryType::char_device,
           .mode = 0666,
           .device_major = 1,
           .device_minor = 3},
          ""},
         {{.path = "d/rich",
           .uid = 4000000,
           .gid = 4000001,
           .mtime = -7,
           .xattrs = {{"user.k", "v"}}},
          ""}}
    );
    directory_on_disk.write("x.tar", as_text(bytes));

    for (const std::string tar : {"tar", "bsdtar"}) {
        const auto listing =
            testing::run_program({tar, "--numeric-owner", "-tvf", directory_on_disk.path("x.tar")});
        if (!listing) {
            GTEST_SKIP() << tar << " is not installed";
        }
        EXPECT_EQ(listing->exit_code, 0) << listing->output;
        EXPECT_NE(listing->output.find(long_name), std::string::npos) << listing->output;
        EXPECT_NE(listing->output.find(std::string(300, 't')), std::string::npos);
        EXPECT_NE(listing->output.find("4000000"), std::string::npos) << listing->output;
        EXPECT_EQ(listing->output.find("PaxHeaders"), std::string::npos) << listing->output;
    }
}

}  // namespace
}  // namespace kiln::tar
