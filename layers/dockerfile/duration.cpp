#include "layers/dockerfile/duration.hpp"

#include "layers/dockerfile/unicode.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace kiln::dockerfile {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

/// Longer names first, so that "ms" is not read as "m".
constexpr std::array k_units = {
    Unit{"\u00B5s", 1'000},
    Unit{"\u03BCs", 1'000},
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
};

/// "1.5" as whole and fraction.
struct Number {
    std::int64_t whole = 0;
    double fraction = 0;
};

/// Takes a number off the text; nullopt when there is none or it is too large.
std::optional<Number> take_number(std::string_view& text) {
    Number number;
    double place = 1;
    bool behind_point = false;
    bool any_digit = false;
    for (; !text.empty(); text.remove_prefix(1)) {
        const char c = text.front();
        if (c == '.' && !behind_point) {
            behind_point = true;
            continue;
        }
        if (!is_digit(static_cast<unsigned char>(c))) {
            break;
        }
        any_digit = true;
        if (behind_point) {
            place /= 10;
            number.fraction += place * (c - '0');
        } else if (__builtin_mul_overflow(number.whole, std::int64_t{10}, &number.whole)
                   || __builtin_add_overflow(number.whole, c - '0', &number.whole)) {
            return std::nullopt;
        }
    }
    return any_digit ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> take_unit(std::string_view& text) {
    for (const Unit& unit : k_units) {
        if (text.starts_with(unit.name)) {
            text.remove_prefix(unit.name.size());
            return unit.nanoseconds;
        }
    }
    return std::nullopt;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    if (text == "0") {
        return std::chrono::nanoseconds(0);
    }
    std::int64_t total = 0;
    std::string_view rest = text;
    do {
        const auto number = take_number(rest);
        const auto unit = number ? take_unit(rest) : std::nullopt;
        if (!unit) {
            return fail(Code::invalid_input, "{} is not a duration such as 30s or 1m30s", text);
        }
        const auto part =
            static_cast<std::int64_t>(number->fraction * static_cast<double>(*unit) + 0.5);
        std::int64_t product = 0;
        if (__builtin_mul_overflow(number->whole, *unit, &product)
            || __builtin_add_overflow(total, product, &total)
            || __builtin_add_overflow(total, part, &total)) {
            return fail(Code::invalid_input, "{} is too long a duration", text);
        }
    } while (!rest.empty());
    return std::chrono::nanoseconds(total);
}

}  // namespace kiln::dockerfile
