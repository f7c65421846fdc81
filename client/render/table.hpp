#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::client {

enum class Align : std::uint8_t { left, right };

/// Rows of text under headings, in columns as wide as they need: for people, not for scripts.
class Table {
  public:
    struct Column {
        std::string heading;
        Align align = Align::left;
    };

    explicit Table(std::vector<Column> columns);

    /// As many cells as there are columns.
    void add(std::initializer_list<std::string_view> cells);
    /// Ends in a newline; no blanks at the ends of lines.
    [[nodiscard]] std::string render() const;

  private:
    struct Cell {
        std::size_t size_bytes = 0;
        std::size_t width = 0;
    };

    void put(std::string_view cell);

    std::vector<Column> columns_;
    std::vector<std::size_t> widths_;  // of the columns
    std::vector<Cell> cells_;          // row by row, the headings first
    std::string text_;                 // of the cells, one behind the other
};

}  // namespace kiln::client
