#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::client {

/// How many cells of a terminal a UTF-8 text takes: two for the wide East Asian blocks and emoji,
/// none for combining marks. A table of our own, because wcwidth follows the locale.
std::size_t display_width(std::string_view text);

/// The text cut to at most `columns` cells, with "…" (or "...", without `unicode`) where it was
/// longer.
enum class Unicode : std::uint8_t { no, yes };
std::string truncate(std::string_view text, std::size_t columns, Unicode unicode);

/// A line that a step printed, fit to stand inside a line of ours: the part after the last '\r',
/// without escape sequences and control characters, tabs as blanks, broken UTF-8 as '?'.
std::string clean_line(std::string_view line);
/// The same for a cell of a table: "-" where there is nothing.
std::string or_dash(std::string_view text);
void append_clean_line(std::string& out, std::string_view line);

/// "1 package", "2 packages".
std::string render_count(std::size_t count, std::string_view noun);

/// "0.1s", "12.3s", "2m 05s", "1h 02m".
std::string render_duration(std::uint64_t duration_ms);

/// "sha256:0123456789ab": long enough to tell apart, short enough for a table. What is no digest is
/// left as it is.
std::string short_digest(std::string_view text);

}  // namespace kiln::client
