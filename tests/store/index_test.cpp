#include "store/index.hpp"

#include "store/hasher.hpp"
#include "store/index_database.hpp"
#include "store/index_encoding.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>

namespace kiln::store {
namespace {

using testing::FailsSaying;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::Succeeds;
using testing::TempDirectory;

/// The index as version 1 made it, with a row.
constexpr const char* k_version_1 = R"sql(
    CREATE TABLE objects (kind INTEGER NOT NULL, name BLOB NOT NULL, content BLOB NOT NULL,
        size_bytes INTEGER NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE refs (name TEXT NOT NULL PRIMARY KEY, media_type TEXT NOT NULL,
        digest BLOB NOT NULL, size_bytes INTEGER NOT NULL, updated INTEGER NOT NULL,
        used INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE layers (diff_id BLOB NOT NULL PRIMARY KEY, tar_bytes INTEGER NOT NULL,
        entries INTEGER NOT NULL, origin TEXT NOT NULL, used INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE TABLE dresses (digest BLOB NOT NULL PRIMARY KEY,
        diff_id BLOB NOT NULL REFERENCES layers ON DELETE CASCADE, compression TEXT NOT NULL,
        size_bytes INTEGER NOT NULL, frames BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX dresses_of_layer ON dresses (diff_id);
    CREATE TABLE cache (key BLOB NOT NULL PRIMARY KEY, diff_id BLOB REFERENCES layers,
        payload TEXT NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE INDEX cache_of_layer ON cache (diff_id);
    CREATE TABLE packs (id INTEGER NOT NULL PRIMARY KEY, name BLOB NOT NULL UNIQUE) STRICT;
    CREATE TABLE contents (digest BLOB NOT NULL PRIMARY KEY,
        pack INTEGER NOT NULL REFERENCES packs ON DELETE CASCADE, start INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX contents_of_pack ON contents (pack);
    CREATE TABLE contexts (listing BLOB NOT NULL PRIMARY KEY, used INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE TABLE context_packs (listing BLOB NOT NULL REFERENCES contexts ON DELETE CASCADE,
        pack INTEGER NOT NULL REFERENCES packs, PRIMARY KEY (listing, pack))
        STRICT, WITHOUT ROWID;
    CREATE INDEX contexts_of_pack ON context_packs (pack);
    INSERT INTO cache VALUES (
        x'0000000000000000000000000000000000000000000000000000000000000001', NULL, 'old', 5, 6);
    PRAGMA user_version = 1;
    PRAGMA application_id = 0x6b696c6e;
)sql";

std::unique_ptr<Database> open_database(const TempDirectory& directory) {
    auto database = Database::open(directory.path("index"), Database::Mode::write, nullptr);
    EXPECT_THAT(database, Succeeds());
    return std::move(*database);
}

Digest numbered(std::uint8_t number) {
    Digest::Raw raw{};
    raw.back() = std::byte{number};
    return Digest(raw);
}

/// Table, column, type and key of everything there is.
std::vector<std::string> shape(const TempDirectory& directory) {
    const auto database = open_database(directory);
    auto rows = database->prepare(
        "SELECT m.type || ' ' || m.name || '.' || ifnull(c.name, '') || ' ' || ifnull(c.type, '') "
        "|| ' ' || ifnull(c.\"notnull\", '') || ' ' || ifnull(c.pk, '') "
        "FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c ORDER BY 1"
    );
    EXPECT_THAT(rows, Succeeds());
    std::vector<std::string> shape;
    while (*rows->step()) {
        shape.push_back(rows->text(0));
    }
    return shape;
}

TEST(Index, BringsVersion1UpToDate) {
    TempDirectory old_directory;
    ASSERT_THAT(open_database(old_directory)->execute(k_version_1), Succeeds());
    TempDirectory new_directory;
    ASSERT_THAT(Index::open(new_directory.path("index")), Succeeds());

    {
        const auto index = Index::open(old_directory.path("index"));

        ASSERT_THAT(index, Succeeds());
        const auto record = *(*index)->find_cache(numbered(1));
        ASSERT_TRUE(record.has_value());
        EXPECT_EQ(record->payload, "old");
        EXPECT_THAT(record->blobs, IsEmpty());
    }
    EXPECT_EQ(shape(old_directory), shape(new_directory));
}

TEST(Index, RefusesWhatANewerKilnWrote) {
    TempDirectory directory;
    ASSERT_THAT(Index::open(directory.path("index")), Succeeds());
    ASSERT_THAT(open_database(directory)->execute("PRAGMA user_version = 99"), Succeeds());

    EXPECT_THAT(Index::open(directory.path("index")), FailsSaying(Code::unsupported, "newer kiln"));
}

TEST(Index, RefusesAnotherProgramsDatabase) {
    TempDirectory directory;
    ASSERT_THAT(open_database(directory)->execute("PRAGMA user_version = 1"), Succeeds());

    EXPECT_THAT(Index::open(directory.path("index")), FailsWith(Code::corrupt));
}

TEST(Index, RefusesAFileThatIsNoDatabase) {
    TempDirectory directory;
    directory.write("index", std::string(5000, 'x'));

    EXPECT_THAT(Index::open(directory.path("index")), FailsWith(Code::corrupt));
}

TEST(Index, FindsEachOfManyContents) {
    TempDirectory directory;
    const auto index = *Index::open(directory.path("index"));
    const Batch batch;
    Transaction transaction{
        .batch = batch,
        .objects = {{.kind = ObjectKind::pack, .name = digest_of("pack"), .size_bytes = 1}}};
    std::vector<Digest> wanted;
    for (int i = 0; i < 2000; ++i) {
        wanted.push_back(digest_of(std::to_string(i)));
        if (i % 2 == 0) {
            transaction.contents[wanted.back()] = {
                .pack = digest_of("pack"), .offset = static_cast<std::uint64_t>(i)};
        }
    }
    ASSERT_THAT(index->apply(transaction), Succeeds());

    const auto search = index->search_contents(wanted);

    ASSERT_THAT(search, Succeeds());
    EXPECT_EQ(search->missing.size(), 1000U);
    EXPECT_EQ(search->missing[1], wanted[3]);
    EXPECT_EQ(search->packs, std::set<Digest>{digest_of("pack")});
    EXPECT_EQ((*index->find_content(wanted[4]))->offset, 4U);
}

RC_GTEST_PROP(IndexEncodingLaw, FramesComeBack, (const std::vector<std::uint32_t>& numbers)) {
    FrameMap map;
    for (const std::uint32_t number : numbers) {
        map.frames.push_back({.tar_bytes = number, .blob_bytes = ~number});
    }

    const auto parsed = parse_frames(render_frames(map));

    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == map);
}

RC_GTEST_PROP(IndexEncodingLaw, IngredientsComeBack, (const std::vector<std::string>& texts)) {
    std::vector<Ingredient> ingredients;
    for (const std::string& text : texts) {
        ingredients.push_back({.name = text, .value = "v" + text});
    }
    const Bytes rendered = render_ingredients(ingredients);

    const auto parsed = parse_ingredients(rendered);

    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == ingredients);
    if (!rendered.empty()) {
        RC_ASSERT(!parse_ingredients(ByteSpan(rendered).first(rendered.size() - 1)).has_value());
    }
}

}  // namespace
}  // namespace kiln::store
