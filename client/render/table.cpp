#include "client/render/table.hpp"

#include "client/render/text.hpp"
#include "store/base/error.hpp"

#include <algorithm>

namespace kiln::client {

void Table::add(std::vector<std::string> cells) {
    ASSERT(cells.size() == columns_.size());
    // A name from outside must not be able to draw on the terminal.
    std::transform(cells.begin(), cells.end(), cells.begin(), clean_line);
    rows_.push_back(std::move(cells));
}

std::string Table::render() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = display_width(columns_[i].heading);
        for (const auto& row : rows_) {
            width = std::max(width, display_width(row[i]));
        }
        widths.push_back(width);
    }
    std::string text;
    const auto put = [&](const auto& cell_of) {
        std::string line;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string& cell = cell_of(i);
            const std::string padding(widths[i] - display_width(cell), ' ');
            line += i == 0 ? "" : "  ";
            line += columns_[i].align == Align::right ? padding + cell : cell + padding;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    };
    put([&](std::size_t i) -> const std::string& { return columns_[i].heading; });
    for (const auto& row : rows_) {
        put([&](std::size_t i) -> const std::string& { return row[i]; });
    }
    return text;
}

}  // namespace kiln::client
