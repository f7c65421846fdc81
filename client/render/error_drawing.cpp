#include "client/render/error_drawing.hpp"

#include "client/render/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::client {
namespace {

constexpr std::string_view k_bold_red = "1;31";
constexpr std::string_view k_yellow = "1;33";
constexpr std::string_view k_blue = "1;34";
/// Longer lines are cut around the place that is meant.
constexpr std::size_t k_line_shown_bytes = 160;
constexpr std::size_t k_before_shown_bytes = 60;

/// Line `number` (from 1) of the text, without its end.
std::optional<std::string_view> line_of(std::string_view text, std::uint32_t number) {
    for (std::uint32_t line = 1; line < number; ++line) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    if (text.ends_with('\r')) {
        text.remove_suffix(1);
    }
    return text;
}

/// The part of a long line that is worth showing, and the columns within it.
struct Excerpt {
    std::string before;  // each fit to be printed
    std::string meant;
    std::string after;
};

Excerpt excerpt(std::string_view line, const Span& where) {
    const std::size_t begin = std::min<std::size_t>(where.column - 1, line.size());
    const std::size_t end = std::clamp<std::size_t>(where.end_column - 1, begin, line.size());
    Excerpt cut;
    std::size_t from = 0;
    if (line.size() > k_line_shown_bytes && begin > k_before_shown_bytes) {
        from = begin - k_before_shown_bytes;
        cut.before = "...";
    }
    const std::size_t to = std::min(line.size(), from + k_line_shown_bytes);
    const auto part = [&](std::size_t first, std::size_t last) {
        return clean_line(line.substr(std::min(first, to), std::min(last, to) - std::min(first, to))
        );
    };
    cut.before += part(from, begin);
    cut.meant = part(begin, end);
    cut.after = part(end, to) + (to < line.size() ? "..." : "");
    return cut;
}

}  // namespace

void ErrorDrawing::know(std::string name, std::string text) {
    texts_.insert_or_assign(std::move(name), std::move(text));
}

std::string ErrorDrawing::draw(const Error& error) const {
    std::string text = paint(k_bold_red, "error:") + ' ' + error.message + '\n';
    for (const std::string& doing : error.trail) {
        text += fmt::format("  {}\n", doing);
    }
    if (error.where) {
        text += draw_place(*error.where);
    }
    if (!error.hint.empty()) {
        text += paint(k_blue, "hint:") + ' ' + error.hint + '\n';
    }
    return text;
}

std::string ErrorDrawing::draw(const wire::WarningEvent& warning) const {
    std::string text = paint(k_yellow, "warning:") + ' ' + warning.message + '\n';
    if (warning.where) {
        text += draw_place(*warning.where);
    }
    if (!warning.hint.empty()) {
        text += paint(k_blue, "hint:") + ' ' + warning.hint + '\n';
    }
    return text;
}

std::string ErrorDrawing::draw_place(const Span& where) const {
    if (where.line == 0) {
        return where.file.empty() ? std::string() : fmt::format("  --> {}\n", where.file);
    }
    std::string text = fmt::format("  --> {}:{}:{}\n", where.file, where.line, where.column);
    const auto known = texts_.find(where.file);
    const auto line = known == texts_.end() || where.column == 0
                          ? std::nullopt
                          : line_of(known->second, where.line);
    if (!line) {
        return text;
    }
    const std::size_t digits = std::max<std::size_t>(4, fmt::formatted_size("{}", where.line));
    const auto put = [&](std::uint32_t number, std::string_view shown) {
        std::string row = fmt::format("{:>{}} | {}", number, digits, shown);
        row.erase(row.find_last_not_of(' ') + 1);
        text += row + '\n';
    };
    if (where.line > 1) {
        const auto before = line_of(known->second, where.line - 1);
        put(where.line - 1, clean_line(before->substr(0, k_line_shown_bytes)));
    }
    const Excerpt cut = excerpt(*line, where);
    put(where.line, cut.before + cut.meant + cut.after);
    const std::string carets(std::max<std::size_t>(1, display_width(cut.meant)), '^');
    text += fmt::format(
        "{:>{}} | {:{}}{}\n", "", digits, "", display_width(cut.before), paint(k_bold_red, carets)
    );
    return text;
}

std::string ErrorDrawing::paint(std::string_view code, std::string_view text) const {
    return color_ == Color::yes ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

}  // namespace kiln::client
