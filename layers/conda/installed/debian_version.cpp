#include "layers/conda/installed/debian_version.hpp"

#include <algorithm>

namespace kiln::conda {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Where the first letter of a text stands among what is no number; a number counts as the end.
int rank(std::string_view text) {
    if (text.empty() || is_digit(text.front())) {
        return 0;
    }
    const char c = text.front();
    if (c == '~') {
        return -1;
    }
    const int value = static_cast<unsigned char>(c);
    return is_letter(c) ? value : value + 256;
}

std::string_view take_number(std::string_view& text) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
    std::string_view number = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(number.size());
    number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
    return number;
}

/// Of any length: a longer number without zeros in front is the greater one.
std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) {
        return a.size() <=> b.size();
    }
    return a.compare(b) <=> 0;
}

/// Turn by turn what is no number, and numbers.
std::weak_ordering compare_parts(std::string_view a, std::string_view b) {
    while (!a.empty() || !b.empty()) {
        while ((!a.empty() && !is_digit(a.front())) || (!b.empty() && !is_digit(b.front()))) {
            const int left = rank(a);
            const int right = rank(b);
            if (left != right) {
                return left <=> right;
            }
            a.remove_prefix(1);
            b.remove_prefix(1);
        }
        const auto order = compare_numbers(take_number(a), take_number(b));
        if (order != 0) {
            return order;
        }
    }
    return std::weak_ordering::equivalent;
}

struct Parts {
    std::string_view epoch;
    std::string_view upstream;
    std::string_view revision;
};

Parts parts_of(std::string_view version) {
    Parts parts;
    if (const std::size_t colon = version.find(':'); colon != std::string_view::npos) {
        parts.epoch = version.substr(0, colon);
        version.remove_prefix(colon + 1);
    }
    const std::size_t dash = version.rfind('-');
    parts.upstream = version.substr(0, dash);
    if (dash != std::string_view::npos) {
        parts.revision = version.substr(dash + 1);
    }
    return parts;
}

}  // namespace

std::weak_ordering compare_debian_versions(std::string_view a, std::string_view b) {
    const Parts left = parts_of(a);
    const Parts right = parts_of(b);
    if (const auto order = compare_parts(left.epoch, right.epoch); order != 0) {
        return order;
    }
    if (const auto order = compare_parts(left.upstream, right.upstream); order != 0) {
        return order;
    }
    return compare_parts(left.revision, right.revision);
}

}  // namespace kiln::conda
