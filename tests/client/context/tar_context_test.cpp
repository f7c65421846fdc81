#include "client/context/tar_context.hpp"

#include "layers/tar/tar_writer.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

struct Member {
    std::string path;
    std::string content;
    tar::EntryType type = tar::EntryType::file;
    std::string link = {};
};

Bytes tar_of(const std::vector<Member>& members) {
    MemorySink out(1'000'000);
    tar::TarWriter writer(out);
    for (const Member& member : members) {
        tar::TarEntry entry;
        entry.path = member.path;
        entry.type = member.type;
        entry.mode = 0644;
        entry.uid = 1000;
        entry.mtime = 77;
        entry.link = member.link;
        entry.size_bytes = member.content.size();
        EXPECT_THAT(writer.append(entry), Succeeds());
        EXPECT_THAT(writer.write(as_bytes(member.content)), Succeeds());
    }
    EXPECT_THAT(writer.finish(), Succeeds());
    return out.take();
}

Result<std::unique_ptr<TarContext>> read(const Bytes& bytes) {
    SpanSource source(bytes);
    return TarContext::read(source, "the context on stdin", "/tmp", {});
}

std::shared_ptr<const TableOfContents> table_of(TarContext& context) {
    return TableOfContents::open(context.listing().value()).value();
}

TEST(TarContext, IsTheListingThatADirectoryWouldBe) {
    const auto context = read(tar_of({{"b", "2"}, {"a", "1"}, {"b", "3"}})).value();

    const auto table = table_of(*context);

    ASSERT_EQ(table->size(), 2U);
    EXPECT_EQ(table->row(0).entry.path, "a");
    EXPECT_EQ(table->row(1).content, digest_of("3"));
    EXPECT_EQ(table->row(0).entry.uid, 0U);
    EXPECT_EQ(table->row(0).entry.mtime, 0);
    EXPECT_EQ(digest_of(context->listing().value()), context->digest());
}

TEST(TarContext, HoldsHardLinksAsTheFilesTheyAre) {
    const auto context =
        read(tar_of({{"a", "same"}, {"d/b", "", tar::EntryType::hardlink, "a"}})).value();

    const auto table = table_of(*context);

    EXPECT_EQ(table->row(1).entry.path, "d/b");
    EXPECT_EQ(table->row(1).entry.type, tar::EntryType::file);
    EXPECT_EQ(table->row(1).content, digest_of("same"));
}

TEST(TarContext, GivesContentsBack) {
    const auto context = read(tar_of({{"a", "one"}, {"b", "two"}, {"c", "one"}})).value();
    MemorySink out(100);

    ASSERT_EQ(context->content_size(digest_of("two")), 3U);
    ASSERT_THAT(context->write_content(digest_of("two"), out), Succeeds());
    ASSERT_THAT(context->write_content(digest_of("one"), out), Succeeds());

    EXPECT_EQ(as_text(out.bytes()), "twoone");
    EXPECT_EQ(context->text("b", 10).value(), "two");
    EXPECT_EQ(context->text("missing", 10).value(), std::nullopt);
}

TEST(TarContext, LeavesOutWhatIsIgnored) {
    const auto context = read(tar_of({{"a.pyc", "1"}, {"a.py", "2"}})).value();
    const Digest before = context->digest();

    context->apply(dockerfile::IgnoreRules::parse("*.pyc", ".dockerignore").value());

    EXPECT_NE(context->digest(), before);
    EXPECT_EQ(table_of(*context)->size(), 1U);
}

TEST(TarContext, RefusesALinkToNothingAndWhatIsNoTar) {
    EXPECT_THAT(
        read(tar_of({{"b", "", tar::EntryType::hardlink, "a"}})),
        FailsSaying(Code::invalid_input, "hard link to a")
    );
    EXPECT_THAT(read(Bytes(1024, std::byte{0x5a})), FailsWith(Code::corrupt));
}

}  // namespace
}  // namespace kiln::client
