#include "layers/import.hpp"

#include "layers/layer_reader.hpp"
#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <optional>
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

Result<ImportedRoot> import(std::string_view tar) {
    ThreadPool pool(2);
    MemorySink blob(1UL << 30U);
    const Fd file(::memfd_create("tar", MFD_CLOEXEC));
    EXPECT_THAT(write_all(file.get(), as_bytes(tar)), Succeeds());
    return import_root_fs(file.get(), {}, pool, blob, {});
}

/// In one pass; nullopt when the tar is out of order or wrong.
std::optional<ImportedRoot> import_ordered(std::string_view tar) {
    ThreadPool pool(2);
    MemorySink blob(1UL << 30U);
    SpanSource source(as_bytes(tar));
    const auto every = [](const TarEntry&) { return true; };
    auto imported = import_ordered_root_fs(source, {}, every, pool, blob, {});
    return imported ? std::move(*imported) : std::nullopt;
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

TEST(ImportRootFs, GivesTheSameLayerFromEveryOrder) {
    const std::vector<Member> members{
        directory("etc"), file("etc/a", std::string(100000, 'a')), file("etc-b", "b")};
    const std::string tar = tar_of(members);
    const std::string turned = tar_of({members[2], members[1], members[0]});

    const Digest expected = import(tar)->layer.layer.diff_id;

    EXPECT_EQ(import(turned)->layer.layer.diff_id, expected);
}

bool are_equal(const BuiltLayer& a, const BuiltLayer& b) {
    return a.layer.diff_id == b.layer.diff_id && a.layer.dress == b.layer.dress
           && a.table == b.table;
}

TEST(ImportOrderedRootFs, MakesTheLayerOfATarInCanonicalOrderInOnePass) {
    const std::string tar = tar_of(
        {directory("", 0750),
         file("a", "text"),
         directory("etc"),
         file("etc/x", std::string(3'000'000, 'x')),
         link("etc/y", "a"),
         file("etc-b", ""),
         link("opt/z", "etc/x")}
    );

    const auto ordered = import_ordered(tar);

    ASSERT_TRUE(ordered.has_value());
    const auto expected = import(tar);
    EXPECT_TRUE(are_equal(ordered->layer, expected->layer));
    EXPECT_EQ(rows_of(*ordered)[6].entry.path, "opt");
    EXPECT_EQ(rows_of(*ordered)[7].entry.link, "etc/x");
}

TEST(ImportOrderedRootFs, LeavesEverythingElseToWhoeverHasTheWholeTar) {
    EXPECT_FALSE(import_ordered(tar_of({file("b", ""), file("a", "")})));
    EXPECT_FALSE(import_ordered(tar_of({file("a-b", ""), file("a/x", "")})));
    EXPECT_FALSE(import_ordered(tar_of({file("a", ""), file("a", "")})));
    EXPECT_FALSE(import_ordered(tar_of({link("a", "b"), file("b", "")})));
    EXPECT_FALSE(import_ordered(tar_of({file("a", ""), link("b", "a"), link("c", "b")})));
    EXPECT_FALSE(import_ordered(tar_of({file("a", ""), file("a/b", "")})));
    EXPECT_FALSE(import_ordered(tar_of({file("etc/.wh.x", "")})));
}

RC_GTEST_PROP(ImportOrderedRootFs, AgreesWithTheImportOfTheWholeTarWheneverItAnswers, ()) {
    const auto name = rc::gen::element<std::string>(
        "", "a", "a/b", "a/b/c", "a-", "a-/b", "b", "b/a", "b/a/a", "c"
    );
    auto names = *rc::gen::container<std::vector<std::string>>(name);
    if (*rc::gen::arbitrary<bool>()) {
        std::sort(names.begin(), names.end(), tar::path_less);
        names.erase(std::unique(names.begin(), names.end()), names.end());
    }
    std::vector<Member> members;
    for (const std::string& path : names) {
        switch (path.empty() ? 0 : *rc::gen::inRange(0, 3)) {
            case 0:
                members.push_back(directory(path));
                break;
            case 1:
                members.push_back(file(path, *rc::gen::arbitrary<std::string>()));
                break;
            default:
                members.push_back(link(path, *name));
        }
    }
    const std::string tar = tar_of(members);

    const auto ordered = import_ordered(tar);

    RC_CLASSIFY(ordered.has_value());
    if (ordered) {
        const auto expected = import(tar);
        RC_ASSERT(expected.has_value());
        RC_ASSERT(are_equal(ordered->layer, expected->layer));
    }
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
