#include "layers/table_of_contents.hpp"

#include "store/hasher.hpp"
#include "tests/support/arbitrary_entry.hpp"
#include "tests/support/check_listing.hpp"
#include "tests/support/matchers.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace kiln {
namespace {

using testing::arbitrary_entry;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::Succeeds;

TableRow row_of(std::string path, tar::EntryType type = tar::EntryType::directory) {
    TableRow row;
    row.entry.path = std::move(path);
    row.entry.type = type;
    return row;
}

std::vector<TableRow> sorted_rows(std::vector<tar::TarEntry> entries) {
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        return tar::path_less(a.path, b.path);
    });
    std::vector<TableRow> rows;
    for (tar::TarEntry& entry : entries) {
        if (!rows.empty() && rows.back().entry.path == entry.path) {
            continue;
        }
        TableRow row{.entry = std::move(entry)};
        if (row.entry.type == tar::EntryType::file) {
            row.content_offset = 512 * rows.size();
            row.content = digest_of(row.entry.path);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<std::string> paths(const TableOfContents& table, TableOfContents::Range range) {
    std::vector<std::string> found;
    for (std::size_t i = range.begin; i < range.end; ++i) {
        found.emplace_back(table.path(i));
    }
    return found;
}

RC_GTEST_PROP(TableOfContents, GivesBackTheRowsItWasRenderedFrom, ()) {
    const auto rows =
        sorted_rows(*rc::gen::container<std::vector<tar::TarEntry>>(arbitrary_entry()));

    const auto table = TableOfContents::open(TableOfContents::render(rows));

    RC_ASSERT(table.has_value());
    RC_ASSERT((*table)->size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const TableRow row = (*table)->row(i);
        RC_ASSERT(row.entry == rows[i].entry);
        RC_ASSERT(row.content == rows[i].content);
        RC_ASSERT(row.content_offset == rows[i].content_offset);
        RC_ASSERT((*table)->find(rows[i].entry.path) == i);
    }
}

RC_GTEST_PROP(TableOfContents, SurvivesAnyDamage, ()) {
    auto bytes = TableOfContents::render(
        sorted_rows(*rc::gen::container<std::vector<tar::TarEntry>>(arbitrary_entry()))
    );
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::map(rc::gen::inRange(0, 256), [](int each) {
        return static_cast<std::byte>(each);
    });

    testing::check_listing(bytes);
}

TEST(TableOfContents, FindsNothingThatIsNotListed) {
    const auto table =
        TableOfContents::open(TableOfContents::render({row_of("a"), row_of("a/b"), row_of("c")}));

    EXPECT_EQ(table.value()->find(""), std::nullopt);
    EXPECT_EQ(table.value()->find("a/"), std::nullopt);
    EXPECT_EQ(table.value()->find("b"), std::nullopt);
    EXPECT_EQ(table.value()->find("d"), std::nullopt);
}

TEST(TableOfContents, KnowsASubtreeAsARange) {
    const auto opened = TableOfContents::open(TableOfContents::render(
        {row_of(""), row_of("a"), row_of("a/b"), row_of("a/b/c"), row_of("a-b"), row_of("x/y/z")}
    ));
    const TableOfContents& table = *opened.value();

    EXPECT_THAT(paths(table, table.below("a")), ElementsAre("a/b", "a/b/c"));
    EXPECT_THAT(paths(table, table.below("a/b/c")), IsEmpty());
    EXPECT_THAT(paths(table, table.below("x")), ElementsAre("x/y/z"));
    EXPECT_THAT(paths(table, table.below("nothing")), IsEmpty());
    EXPECT_EQ(table.below("").begin, 1U);
    EXPECT_EQ(table.below("").end, table.size());
}

TEST(TableOfContents, OpensAnEmptyOne) {
    const auto table = TableOfContents::open(TableOfContents::render({}));

    ASSERT_THAT(table, Succeeds());
    EXPECT_EQ(table.value()->size(), 0U);
    EXPECT_EQ(table.value()->below("").end, 0U);
}

TEST(TableOfContents, RefusesEveryCutOffPart) {
    const Bytes whole = TableOfContents::render({row_of("a"), row_of("b")});

    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_THAT(TableOfContents::open(part), FailsWith(Code::corrupt)) << size;
    }
}

TEST(TableOfContents, RefusesRowsOutOfOrderOrTwice) {
    const auto swapped = [](std::string_view from, std::string_view to) {
        Bytes bytes = TableOfContents::render({row_of("a"), row_of("b")});
        std::string text(as_text(bytes));
        text.replace(text.rfind(from), 1, to);
        const ByteSpan changed = as_bytes(text);
        return Bytes(changed.begin(), changed.end());
    };

    EXPECT_THAT(TableOfContents::open(swapped("a", "c")), FailsWith(Code::corrupt));
    EXPECT_THAT(TableOfContents::open(swapped("b", "a")), FailsWith(Code::corrupt));
    EXPECT_THAT(TableOfContents::open(swapped("b", "/")), FailsWith(Code::corrupt));
    EXPECT_THAT(TableOfContents::open(swapped("b", ".")), FailsWith(Code::corrupt));
    EXPECT_THAT(TableOfContents::open(swapped("b", "c")), Succeeds());
}

}  // namespace
}  // namespace kiln
