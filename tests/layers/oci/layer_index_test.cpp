#include "layers/oci/layer_index.hpp"

#include "store/hasher.hpp"
#include "tests/layers/oci/archives.hpp"
#include "tests/support/matchers.hpp"

#include <string>
#include <vector>

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using tar::EntryType;
using ::testing::ElementsAre;
using testing::TarBuilder;

Result<LayerIndex> index_of(const std::string& tar) {
    SpanSource source(as_bytes(tar));
    return index_layer_tar(source, {}, {});
}

std::vector<TableRow> rows_of(const LayerIndex& index) {
    const auto table = TableOfContents::open(Bytes(index.table)).value();
    std::vector<TableRow> rows;
    for (std::size_t i = 0; i < table->size(); ++i) {
        rows.push_back(table->row(i));
    }
    return rows;
}

std::vector<std::string> paths_of(const LayerIndex& index) {
    std::vector<std::string> paths;
    for (const TableRow& row : rows_of(index)) {
        paths.push_back(row.entry.path);
    }
    return paths;
}

TEST(LayerIndex, SaysWhereEachContentLiesAndWhatItIs) {
    const std::string tar =
        TarBuilder().file("b", "second").directory("a").file("a/x", "first").finish() + "tail";

    const auto index = index_of(tar);

    ASSERT_THAT(index, Succeeds());
    EXPECT_EQ(index->diff_id, digest_of(tar));
    EXPECT_EQ(index->tar_bytes, tar.size());
    EXPECT_THAT(paths_of(*index), ElementsAre("a", "a/x", "b"));
    for (const TableRow& row : rows_of(*index)) {
        if (row.entry.type == EntryType::file) {
            const std::string content = tar.substr(row.content_offset, row.entry.size_bytes);
            EXPECT_EQ(row.content, digest_of(content)) << row.entry.path;
        }
    }
    EXPECT_EQ(rows_of(*index)[1].content, digest_of("first"));
}

TEST(LayerIndex, LeavesWhatUnpackingWouldLeave) {
    const auto index = index_of(TarBuilder()
                                    .directory("d")
                                    .file("d/gone", "1")
                                    .file("d", "now a file")
                                    .file("twice", "1")
                                    .file("twice", "2")
                                    .finish());

    ASSERT_THAT(index, Succeeds());
    EXPECT_THAT(paths_of(*index), ElementsAre("d", "twice"));
    EXPECT_EQ(rows_of(*index)[1].content, digest_of("2"));
}

TEST(LayerIndex, OtherNamesOfAFileOutliveTheFirst) {
    const auto index = index_of(TarBuilder()
                                    .file("a", "old")
                                    .hardlink("b", "a")
                                    .hardlink("c", "b")
                                    .file("a", "new")
                                    .finish());

    ASSERT_THAT(index, Succeeds());
    const auto rows = rows_of(*index);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].content, digest_of("new"));
    EXPECT_EQ(rows[1].entry.type, EntryType::file);
    EXPECT_EQ(rows[1].content, digest_of("old"));
    EXPECT_EQ(rows[2].entry.type, EntryType::hardlink);
    EXPECT_EQ(rows[2].entry.link, "b");
}

TEST(LayerIndex, RefusesNamesThatLeadThroughALinkOrAFile) {
    EXPECT_THAT(
        index_of(TarBuilder().symlink("out", "/etc").file("out/passwd", "x").finish()),
        FailsSaying(Code::invalid_input, "out/passwd lies below out, which is a symbolic link")
    );
    EXPECT_THAT(
        index_of(TarBuilder().file("f", "x").file("f/a/b", "x").finish()),
        FailsSaying(Code::invalid_input, "which is a file")
    );
    EXPECT_THAT(index_of(TarBuilder().hardlink("a", "a").finish()), FailsWith(Code::invalid_input));
}

TEST(LayerIndex, RefusesWhiteoutsOfNothing) {
    for (const std::string name : {".wh.", "a/.wh..", ".wh..."}) {
        EXPECT_THAT(
            index_of(TarBuilder().file(name, "").finish()),
            FailsSaying(Code::invalid_input, "whiteout")
        ) << name;
    }
    EXPECT_THAT(index_of(TarBuilder().file("a/.wh..wh..opq", "").finish()), Succeeds());
}

TEST(LayerIndex, RefusesALayerThatIsCompressedTwice) {
    EXPECT_THAT(
        index_of(testing::gzipped(testing::layer_tar("x"))), FailsSaying(Code::corrupt, "twice")
    );
}

TEST(LayerIndex, RefusesATarThatIsCutOff) {
    const std::string tar = TarBuilder().file("a", std::string(5000, 'x')).finish();

    EXPECT_THAT(index_of(tar.substr(0, 2000)), FailsWith(Code::corrupt));
}

TEST(LayerIndex, AnEmptyLayerHasNoRows) {
    const auto index = index_of(TarBuilder().finish());

    ASSERT_THAT(index, Succeeds());
    EXPECT_EQ(index->entries, 0U);
}

}  // namespace
}  // namespace kiln::oci
