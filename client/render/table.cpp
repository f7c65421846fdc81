#include "client/render/table.hpp"

#include "client/render/text.hpp"
#include "store/base/error.hpp"

#include <algorithm>
#include <numeric>

namespace kiln::client {

Table::Table(std::vector<Column> columns)
    : columns_(std::move(columns)),
      widths_(columns_.size()) {
    for (const Column& column : columns_) {
        put(column.heading);
    }
}

void Table::add(std::initializer_list<std::string_view> cells) {
    ASSERT(cells.size() == columns_.size());
    for (const std::string_view cell : cells) {
        put(cell);
    }
}

std::string Table::render() const {
    constexpr std::string_view k_gap = "  ";
    const std::size_t width = std::accumulate(widths_.begin(), widths_.end(), std::size_t{0});
    std::string table;
    table.reserve(text_.size() + cells_.size() / columns_.size() * (width + 1));
    std::string_view rest = text_;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        const std::size_t column = i % columns_.size();
        const Cell& cell = cells_[i];
        const std::size_t padding = widths_[column] - cell.width;
        const bool is_right = columns_[column].align == Align::right;
        table += column == 0 ? "" : k_gap;
        table.append(is_right ? padding : 0, ' ');
        table += rest.substr(0, cell.size_bytes);
        rest.remove_prefix(cell.size_bytes);
        if (column + 1 < columns_.size()) {
            table.append(is_right ? 0 : padding, ' ');
            continue;
        }
        table.erase(table.find_last_not_of(' ') + 1);
        table += '\n';
    }
    return table;
}

void Table::put(std::string_view cell) {
    // A name from outside must not be able to draw on the terminal.
    const std::size_t begin = text_.size();
    append_clean_line(text_, cell);
    const std::string_view clean = std::string_view(text_).substr(begin);
    const std::size_t column = cells_.size() % columns_.size();
    cells_.push_back({clean.size(), display_width(clean)});
    widths_[column] = std::max(widths_[column], cells_.back().width);
}

}  // namespace kiln::client
