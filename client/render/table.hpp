#pragma once

#include <cstdint>
#include <string>
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

    explicit Table(std::vector<Column> columns)
        : columns_(std::move(columns)) {}

    /// As many cells as there are columns.
    void add(std::vector<std::string> cells);
    /// Ends in a newline; no blanks at the ends of lines.
    [[nodiscard]] std::string render() const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace kiln::client
