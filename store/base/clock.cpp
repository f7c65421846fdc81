#include "store/base/clock.hpp"

#include <array>
#include <charconv>
#include <chrono>

namespace kiln {

UnixSeconds SystemClock::now() const {
    using std::chrono::system_clock;
    return std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch())
        .count();
}

std::string render_time(UnixSeconds seconds) {
    namespace chrono = std::chrono;
    const chrono::sys_seconds point{chrono::seconds(seconds)};
    const auto day = chrono::floor<chrono::days>(point);
    const chrono::year_month_day date(day);
    const chrono::hh_mm_ss time(point - day);
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count()
    );
}

Result<UnixSeconds> parse_time(std::string_view text) {
    const auto refused = [&] {
        return fail(Code::invalid_input, "\"{}\" is not a time like 2026-01-31T12:00:00Z", text);
    };
    // Positions of "YYYY-MM-DDTHH:MM:SS"; a fraction of a second may follow, then Z or ±HH:MM.
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[13] != ':'
        || text[16] != ':') {
        return refused();
    }
    std::array<int, 6> fields{};
    constexpr std::array<std::size_t, 6> k_starts{0, 5, 8, 11, 14, 17};
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const char* first = text.data() + k_starts.at(i);
        const char* last = first + (i == 0 ? 4 : 2);
        const auto parsed = std::from_chars(first, last, fields.at(i));
        if (parsed.ec != std::errc{} || parsed.ptr != last) {
            return refused();
        }
    }
    std::size_t at = 19;
    if (text[at] == '.') {
        at = text.find_first_not_of("0123456789", at + 1);
    }
    if (at == std::string_view::npos) {
        return refused();
    }
    int offset_minutes = 0;
    if (text.substr(at) != "Z" && text.substr(at) != "z") {
        int hours = 0;
        int minutes = 0;
        const std::string_view zone = text.substr(at);
        if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':'
            || std::from_chars(zone.data() + 1, zone.data() + 3, hours).ec != std::errc{}
            || std::from_chars(zone.data() + 4, zone.data() + 6, minutes).ec != std::errc{}) {
            return refused();
        }
        offset_minutes = (zone[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    }
    namespace chrono = std::chrono;
    const chrono::year_month_day date{
        chrono::year(fields[0]),
        chrono::month(static_cast<unsigned>(fields[1])),
        chrono::day(static_cast<unsigned>(fields[2]))};
    if (!date.ok() || fields[3] > 23 || fields[4] > 59 || fields[5] > 60) {
        return refused();
    }
    const chrono::sys_seconds point = chrono::sys_days(date) + chrono::hours(fields[3])
                                      + chrono::minutes(fields[4] - offset_minutes)
                                      + chrono::seconds(fields[5]);
    return point.time_since_epoch().count();
}

}  // namespace kiln
