#include "layers/import.hpp"

#include "layers/compress/compressor.hpp"
#include "layers/layer_reader.hpp"
#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <sys/mman.h>

#include <string>
#include <vector>

namespace kiln {
namespace {

using tar::EntryType;
using tar::TarEntry;
using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::Succeeds;

struct Member {
    TarEntry entry;
    std::string content = {};
};

Member file(std::string path, std::string content) {
    const std::uint64_t size = content.size();
    return {
        {.path = std::move(path), .mode = 0644, .size_bytes = size, .mtime = 5},
        std::move(content)};
}

Member link(std::string path, std::string to) {
    return {{.path = std::move(path), .type = EntryType::hardlink, .link = std::move(to)}};
}

Member directory(std::string path, std::uint32_t mode = 0755) {
    return {{.path = std::move(path), .type = EntryType::directory, .mode = mode, .mtime = 5}};
}

std::string tar_of(const std::vector<Member>& members) {
    MemorySink sink(1UL << 30U);
    tar::TarWriter writer(sink);
    for (const Member& member : members) {
        EXPECT_THAT(writer.append(member.entry), Succeeds());
        EXPECT_THAT(writer.write(as_bytes(member.content)), Succeeds());
    }
    EXPECT_THAT(writer.finish(), Succeeds());
    return std::string(as_text(sink.bytes()));
}

Fd spool() {
    return Fd(::memfd_create("spool", MFD_CLOEXEC));
}

Result<ImportedRoot> import(std::string_view tar) {
    ThreadPool pool(2);
    MemorySink blob(1UL << 30U);
    SpanSource source(as_bytes(tar));
    return import_root_fs(source, spool().get(), {}, pool, blob, {});
}

std::vector<TableRow> rows_of(const ImportedRoot& imported) {
    const auto table = TableOfContents::open(imported.layer.table).value();
    std::vector<TableRow> rows;
    for (std::size_t i = 0; i < table->size(); ++i) {
        rows.push_back(table->row(i));
    }
    return rows;
}

std::vector<std::string> paths_of(const ImportedRoot& imported) {
    std::vector<std::string> paths;
    for (const TableRow& row : rows_of(imported)) {
        paths.push_back(row.entry.path);
    }
    return paths;
}

TEST(ImportRootFs, SortsEntriesAndAddsMissingParents) {
    const auto imported = import(tar_of(
        {file("usr/lib/x", "x"),
         file("etc-b", ""),
         directory("etc", 0700),
         file("etc/a", "a"),
         directory("")}
    ));

    ASSERT_THAT(imported, Succeeds());
    EXPECT_THAT(
        paths_of(*imported), ElementsAre("", "etc", "etc/a", "etc-b", "usr", "usr/lib", "usr/lib/x")
    );
    EXPECT_EQ(rows_of(*imported)[1].entry.mode, 0700U);
    EXPECT_EQ(rows_of(*imported)[4].entry.mode, 0755U);
    EXPECT_EQ(rows_of(*imported)[4].entry.mtime, k_default_epoch);
}

TEST(ImportRootFs, LetsTheLastOfDuplicatesWin) {
    const auto imported = import(tar_of({file("a", "old"), file("b", "b"), file("a", "newer")}));

    EXPECT_THAT(paths_of(*imported), ElementsAre("a", "b"));
    EXPECT_EQ(rows_of(*imported)[0].content, digest_of("newer"));
}

TEST(ImportRootFs, MakesTheFirstNameOfAHardLinkTheFile) {
    const auto imported = import(tar_of({file("z", "text"), link("m", "z"), link("a", "m")}));

    const auto rows = rows_of(*imported);
    EXPECT_EQ(rows[0].entry.path, "a");
    EXPECT_EQ(rows[0].entry.type, EntryType::file);
    EXPECT_EQ(rows[0].content, digest_of("text"));
    EXPECT_EQ(rows[0].entry.mtime, 5);
    EXPECT_EQ(rows[1].entry.link, "a");
    EXPECT_EQ(rows[2].entry.link, "a");
    EXPECT_EQ(rows[2].entry.type, EntryType::hardlink);
}

TEST(ImportRootFs, BindsAHardLinkToWhatItMeantWhereItStood) {
    const auto imported = import(tar_of({file("a", "old"), link("b", "a"), file("a", "new")}));

    EXPECT_EQ(rows_of(*imported)[0].content, digest_of("new"));
    EXPECT_EQ(rows_of(*imported)[1].content, digest_of("old"));
    EXPECT_EQ(rows_of(*imported)[1].entry.type, EntryType::file);
}

TEST(ImportRootFs, RefusesWhatNoRootFileSystemHolds) {
    EXPECT_THAT(
        import(tar_of({link("a", "missing")})), FailsSaying(Code::invalid_input, "missing")
    );
    EXPECT_THAT(
        import(tar_of({link("a", "b"), link("b", "a")})), FailsSaying(Code::invalid_input, "itself")
    );
    EXPECT_THAT(
        import(tar_of({directory("d"), link("a", "d")})),
        FailsSaying(Code::invalid_input, "directory")
    );
    EXPECT_THAT(
        import(tar_of({file("etc/.wh.x", "")})), FailsSaying(Code::invalid_input, "deleted")
    );
    EXPECT_THAT(
        import(tar_of({file("a", ""), file("a/b", "")})),
        FailsSaying(Code::invalid_input, "below a")
    );
}

TEST(ImportRootFs, GivesTheSameLayerFromEveryDressAndOrder) {
    const std::vector<Member> members{
        file("usr/a", std::string(100000, 'a')), directory("usr"), file("b", "b")};
    const std::string tar = tar_of(members);
    const std::string turned = tar_of({members[2], members[1], members[0]});
    const auto compressor = make_compressor(Compression::gzip, std::nullopt).value();
    Bytes gzip(compressor->bound(tar.size()));
    gzip.resize(compressor->compress(as_bytes(tar), gzip));
    const testing::TempDirectory directory_on_disk;
    directory_on_disk.write("x.tar", tar);
    const Fd on_disk =
        open_at(AT_FDCWD, directory_on_disk.path("x.tar"), O_RDONLY, Resolve::anywhere).value();
    ThreadPool pool(1);
    MemorySink blob(1 << 20);

    const Digest expected = import(tar)->layer.layer.diff_id;

    EXPECT_EQ(import(turned)->layer.layer.diff_id, expected);
    EXPECT_EQ(import(as_text(gzip))->layer.layer.diff_id, expected);
    const auto from_file = import_root_fs_file(on_disk.get(), -1, {}, pool, blob, {});
    ASSERT_THAT(from_file, Succeeds());
    EXPECT_EQ(from_file->layer.layer.diff_id, expected);
}

TEST(ImportRootFs, FillsTheHolesOfSparseFiles) {
    const std::string archive =
        std::string(KILN_SHARED_DIR) + "/corpora/go-archive-tar/sparse-formats.tar";
    const auto tar = read_file_at(AT_FDCWD, archive, 1 << 20);
    if (!tar) {
        GTEST_SKIP() << "../shared is absent";
    }

    const auto imported = import(*tar);

    ASSERT_THAT(imported, Succeeds());
    const auto rows = rows_of(*imported);
    ASSERT_EQ(rows.size(), 5U);
    EXPECT_EQ(rows[1].entry.size_bytes, 200U);
    EXPECT_EQ(rows[1].content, rows[2].content);
    EXPECT_EQ(rows[1].content, rows[3].content);
    EXPECT_EQ(rows[1].content, rows[4].content);
}

}  // namespace
}  // namespace kiln
