#include "tests/support/check_listing.hpp"

#include "layers/table_of_contents.hpp"

#include <string>
#include <vector>

namespace kiln::testing {

void check_listing(ByteSpan bytes) {
    const auto table = TableOfContents::open(Bytes(bytes.begin(), bytes.end()));
    if (!table) {
        ASSERT(table.error().code == Code::corrupt);
        return;
    }
    std::vector<TableRow> rows;
    for (std::size_t i = 0; i < (*table)->size(); ++i) {
        rows.push_back((*table)->row(i));
        const std::string& path = rows.back().entry.path;
        ASSERT((*table)->find(path) == i);
        const TableOfContents::Range below = (*table)->below(path);
        ASSERT(below.begin == i + 1 && below.end >= below.begin);
        ASSERT(below.end <= (*table)->size());
    }
    const Bytes again = TableOfContents::render(rows);
    ASSERT(as_text(again) == as_text(bytes));
}

}  // namespace kiln::testing
