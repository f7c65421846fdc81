#pragma once

#include "client/wire/event.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kiln::client {

enum class Color : std::uint8_t { no, yes };

/// Draws errors and warnings as house.md shows them: the sentence, the place, the line of the
/// user's text with carets below the words that are meant, and the hint.
class ErrorDrawing {
  public:
    explicit ErrorDrawing(Color color)
        : color_(color) {}

    /// A text that errors may point into, by the name they call it.
    void know(std::string name, std::string text);

    [[nodiscard]] std::string draw(const Error& error) const;
    [[nodiscard]] std::string draw(const wire::WarningEvent& warning) const;

  private:
    [[nodiscard]] std::string draw_place(const Span& where) const;
    [[nodiscard]] std::string paint(std::string_view code, std::string_view text) const;

    Color color_;
    std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace kiln::client
