#include "layers/conda/spec/version_segments.hpp"

#include "layers/conda/spec/spec_error.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace kiln::conda {

// The key of a version is a string of tokens, and comparing keys bytewise compares versions.
// cep-33 compares segment by segment and component by component, and what one side lacks counts
// as 0. So zeros at the end of a segment and empty segments at the end are left out, and every
// token that stands for "here are zeros" tells how what follows differs from zeros, down or up:
//
//   dev < strings < 0, then down < next segment, then down < end < … then up < 0, then up
//       < numbers < post
//
// Epoch and main part are closed by `end`, then comes the local part, closed by `end` as well.
namespace {

enum Token : unsigned char {
    k_string_end = 0x00,  // 'a' < "ab"
    k_dev = 0x01,
    // strings: their own bytes, '_' and 'a' to 'z'
    k_zero_down = 0x80,
    k_next_down = 0x81,
    k_end = 0x82,
    k_next_up = 0x83,
    k_zero_up = 0x84,
    k_number = 0x84,  // + n for small n
    k_last_small = 0xf0,
    k_long_number = 0xf0,  // + the count of its bytes, which follow, high ones first
    k_post = 0xfe,
};

// In a prefix, zeros and boundaries are explicit and tell nothing of what follows.
constexpr char k_prefix_zero = '\x80';
constexpr char k_prefix_next = '\x81';

constexpr char byte(unsigned value) {
    return static_cast<char>(static_cast<unsigned char>(value));
}

constexpr unsigned value_of(char c) {
    return static_cast<unsigned char>(c);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The bytes of the token that starts here, which is no zero, boundary or end.
std::size_t token_bytes(std::string_view tokens) {
    const unsigned first = value_of(tokens.front());
    if (first == k_dev || first == k_post || (first > k_number && first <= k_last_small)) {
        return 1;
    }
    if (first > k_long_number) {
        return 1 + first - k_long_number;
    }
    return tokens.find('\0') + 1;
}

}  // namespace

/// Writes a key from its end to its start: what a zero tells is known only from behind.
class VersionSegments::KeyWriter {
  public:
    void put(unsigned token) { *--position_ = byte(token); }

    void put(std::string_view token) {
        position_ -= token.size();
        std::memcpy(position_, token.data(), token.size());
    }

    [[nodiscard]] std::string take() const {
        return {position_, static_cast<std::size_t>(buffer_.data() + buffer_.size() - position_)};
    }

  private:
    std::array<char, 4 * k_version_bytes> buffer_;
    char* position_ = buffer_.data() + buffer_.size();
};

Result<void> VersionSegments::parse(std::string_view text) {
    TRY(lower(text));
    const std::string_view lowered(lowered_.data(), text_.size());
    const std::size_t bang = lowered.find('!');
    std::size_t main_begin = 0;
    if (bang == std::string_view::npos) {
        components_[count_++] = {
            .number = 0, .text_begin = 0, .text_bytes = 0, .opens_segment = true};
    } else {
        if (bang == 0
            || !std::all_of(
                lowered.begin(), lowered.begin() + static_cast<std::ptrdiff_t>(bang), is_digit
            )) {
            return refuse_at(0, bang + 1, "the epoch before '!' is not a number");
        }
        TRY(add_number(0, bang, true));
        main_begin = bang + 1;
    }
    const std::size_t plus = std::min(lowered.find('+', main_begin), lowered.size());
    TRY(add_part(main_begin, plus));
    local_begin_ = count_;
    if (plus < lowered.size()) {
        TRY(add_part(plus + 1, lowered.size()));
    }
    return {};
}

Result<void> VersionSegments::lower(std::string_view text) {
    text_ = text;
    if (text.empty()) {
        return refuse_at(0, 0, "it is empty");
    }
    if (text.size() > k_version_bytes) {
        return refuse_at(
            0, text.size(), fmt::format("it is longer than {} characters", k_version_bytes)
        );
    }
    bool dashes = false;
    bool underscores = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        } else if (c == '-') {
            dashes = true;
            c = '_';
        } else if (c == '_') {
            underscores = true;
        } else if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '.' && c != '+' && c != '!') {
            return refuse_at(i, i + 1, "versions are of letters, digits, '.', '_', '+' and '!'");
        }
        lowered_[i] = c;
    }
    if (dashes && underscores) {
        return refuse_at(0, text.size(), "it has dashes and underscores");
    }
    return {};
}

Result<void> VersionSegments::add_part(std::size_t begin, std::size_t end) {
    const bool is_main = count_ == 1;
    // openssl's trailing underscore belongs to the last segment: 1.0.1_ < 1.0.1a.
    const bool trailing = is_main && end > begin && lowered_[end - 1] == '_';
    const std::size_t last = trailing ? end - 1 : end;
    for (std::size_t segment = begin;;) {
        std::size_t stop = segment;
        while (stop < last && lowered_[stop] != '.' && lowered_[stop] != '_') {
            ++stop;
        }
        if (stop == segment) {
            return refuse_at(segment, segment + (segment < end ? 1 : 0), "a segment is empty");
        }
        TRY(add_segment(segment, stop == last ? end : stop));
        if (stop == last) {
            return {};
        }
        segment = stop + 1;
    }
}

Result<void> VersionSegments::add_segment(std::size_t begin, std::size_t end) {
    bool opens_segment = true;
    if (!is_digit(lowered_[begin])) {
        components_[count_++] = {
            .number = 0, .text_begin = 0, .text_bytes = 0, .opens_segment = true};
        opens_segment = false;
    }
    for (std::size_t run = begin; run < end;) {
        const bool digits = is_digit(lowered_[run]);
        std::size_t stop = run + 1;
        while (stop < end && is_digit(lowered_[stop]) == digits) {
            if (!digits && (lowered_[stop] == '+' || lowered_[stop] == '!')) {
                break;
            }
            ++stop;
        }
        if (digits) {
            TRY(add_number(run, stop, opens_segment));
        } else if (lowered_[run] == '+' || lowered_[run] == '!') {
            return refuse_at(run, run + 1, fmt::format("it has a second '{}'", lowered_[run]));
        } else {
            components_[count_++] = {
                .number = 0,
                .text_begin = static_cast<std::uint8_t>(run),
                .text_bytes = static_cast<std::uint8_t>(stop - run),
                .opens_segment = opens_segment};
        }
        opens_segment = false;
        run = stop;
    }
    return {};
}

Result<void> VersionSegments::add_number(std::size_t begin, std::size_t end, bool opens_segment) {
    constexpr std::size_t k_safe_digits = 19;
    std::uint64_t number = 0;
    if (end - begin <= k_safe_digits) {
        for (std::size_t i = begin; i < end; ++i) {
            number = number * 10 + static_cast<unsigned>(lowered_[i] - '0');
        }
    } else if (std::from_chars(&lowered_[begin], lowered_.data() + end, number).ec != std::errc{}) {
        return refuse_at(begin, end, "a number is beyond 64 bits");
    }
    components_[count_++] = {
        .number = number, .text_begin = 0, .text_bytes = 0, .opens_segment = opens_segment};
    return {};
}

std::string VersionSegments::key() const {
    KeyWriter out;
    enum class Rest : std::uint8_t { zeros, down, up };
    Rest in_segment = Rest::zeros;
    Rest in_part = Rest::zeros;
    out.put(k_end);
    if (local_begin_ == count_) {
        out.put(k_end);
    }
    for (std::size_t i = count_; i-- > 0;) {
        const Component& component = components_[i];
        if (component.number == 0 && component.text_bytes == 0) {
            if (in_segment != Rest::zeros) {
                out.put(in_segment == Rest::down ? k_zero_down : k_zero_up);
            }
        } else {
            const bool up = component.text_bytes == 0 || text_of(component) == "post";
            in_segment = in_part = up ? Rest::up : Rest::down;
            out.put(token_of(component));
        }
        if (!component.opens_segment) {
            continue;
        }
        in_segment = Rest::zeros;
        if (i == local_begin_) {
            out.put(k_end);
            in_part = Rest::zeros;
        } else if (i > 0 && in_part != Rest::zeros) {
            out.put(in_part == Rest::down ? k_next_down : k_next_up);
        }
    }
    return out.take();
}

std::string VersionSegments::prefix(Last last) const {
    std::size_t end = count_;
    if (last == Last::dropped) {
        end = local_begin_ - 1;
        while (!components_[end].opens_segment) {
            --end;
        }
    }
    std::string prefix;
    for (std::size_t i = 0; i < end; ++i) {
        const Component& component = components_[i];
        if (i == local_begin_) {
            prefix += byte(k_end);
        } else if (i > 0 && component.opens_segment) {
            prefix += k_prefix_next;
        }
        const bool zero = component.number == 0 && component.text_bytes == 0;
        prefix += zero ? std::string(1, k_prefix_zero) : token_of(component);
    }
    return prefix;
}

std::string_view VersionSegments::text_of(const Component& component) const {
    return {lowered_.data() + component.text_begin, component.text_bytes};
}

std::string VersionSegments::token_of(const Component& component) const {
    if (component.text_bytes > 0) {
        const std::string_view text = text_of(component);
        if (text == "dev") {
            return {byte(k_dev)};
        }
        if (text == "post") {
            return {byte(k_post)};
        }
        return std::string(text) + byte(k_string_end);
    }
    if (component.number <= k_last_small - k_number) {
        return {byte(k_number + static_cast<unsigned>(component.number))};
    }
    std::string token;
    for (unsigned shift = 64; shift > 0; shift -= 8) {
        const auto octet = static_cast<unsigned>(component.number >> (shift - 8) & 0xffU);
        if (octet != 0 || !token.empty()) {
            token += byte(octet);
        }
    }
    token.insert(token.begin(), byte(k_long_number + static_cast<unsigned>(token.size())));
    return token;
}

tl::unexpected<Error> VersionSegments::refuse_at(
    std::size_t begin, std::size_t end, std::string_view reason
) const {
    return refuse(
        Code::invalid_input,
        fmt::format("{} is not a version: {}", quoted(text_), reason),
        {begin, end}
    );
}

bool key_starts_with(std::string_view key, std::string_view prefix) {
    while (!prefix.empty()) {
        const char wanted = prefix.front();
        const unsigned here = value_of(key.front());
        std::size_t taken = 1;
        if (wanted == k_prefix_zero) {
            if (here == k_zero_down || here == k_zero_up) {
                key.remove_prefix(1);
            } else if (here != k_next_down && here != k_next_up && here != k_end) {
                return false;
            }
        } else if (wanted == k_prefix_next) {
            if (here == k_next_down || here == k_next_up) {
                key.remove_prefix(1);
            } else if (here != k_end) {
                return false;
            }
        } else if (value_of(wanted) == k_end) {
            if (here != k_end) {
                return false;
            }
            key.remove_prefix(1);
        } else {
            taken = token_bytes(prefix);
            if (!key.starts_with(prefix.substr(0, taken))) {
                return false;
            }
            key.remove_prefix(taken);
        }
        prefix.remove_prefix(taken);
    }
    // cep-29: the segments before the glob are equal; `9.*` is no 9b, though 9.b.
    const unsigned here = value_of(key.front());
    return here == k_next_down || here == k_next_up || here == k_end;
}

}  // namespace kiln::conda
