#include "layers/conda/channel/json_cursor.hpp"

#include "store/base/utf8.hpp"

#include <bit>
#include <charconv>

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

namespace kiln::conda {

namespace {

bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

/// Ends a run of plain letters in a string: a quote, an escape or a control character.
bool is_special(char letter) {
    return letter == '"' || letter == '\\' || static_cast<unsigned char>(letter) < 0x20;
}

/// The first special letter from `at`, or the end; `beyond_ascii` becomes true when a byte of a
/// longer UTF-8 sequence is passed.
const char* find_special(const char* at, const char* end, bool& beyond_ascii) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);
    while (end - at >= 16) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i special = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
            _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block)
        );
        const auto found = static_cast<unsigned>(_mm_movemask_epi8(special));
        const auto high = static_cast<unsigned>(_mm_movemask_epi8(block));
        if (found != 0) {
            const int length = std::countr_zero(found);
            beyond_ascii = beyond_ascii || (high & ((1U << length) - 1U)) != 0;
            return at + length;
        }
        beyond_ascii = beyond_ascii || high != 0;
        at += 16;
    }
#endif
    for (; at != end && !is_special(*at); ++at) {
        beyond_ascii = beyond_ascii || static_cast<unsigned char>(*at) >= 0x80;
    }
    return at;
}

void append_utf8(std::string& out, unsigned code) {
    const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0U | (code >> 6U));
        put(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        put(0xE0U | (code >> 12U));
        put(0x80U | ((code >> 6U) & 0x3FU));
        put(0x80U | (code & 0x3FU));
    } else {
        put(0xF0U | (code >> 18U));
        put(0x80U | ((code >> 12U) & 0x3FU));
        put(0x80U | ((code >> 6U) & 0x3FU));
        put(0x80U | (code & 0x3FU));
    }
}

unsigned hex_of(std::string_view digits) {
    unsigned value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return value;
}

char plain_escape(char letter) {
    switch (letter) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        default:
            return letter;  // '"', '\\' and '/'
    }
}

}  // namespace

std::string JsonString::decode() const {
    if (!has_escapes) {
        return std::string(raw);
    }
    std::string text;
    text.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\') {
            text += raw[i];
        } else if (raw[++i] != 'u') {
            text += plain_escape(raw[i]);
        } else {
            unsigned code = hex_of(raw.substr(i + 1, 4));
            i += 4;
            if (code >= 0xD800 && code < 0xDC00) {
                code = 0x10000 + ((code - 0xD800) << 10U) + (hex_of(raw.substr(i + 3, 4)) - 0xDC00);
                i += 6;
            }
            append_utf8(text, code);
        }
    }
    return text;
}

bool JsonCursor::skip_value() {
    enum class Expected : std::uint8_t { value, key, comma };
    std::uint64_t objects = 0;  // bit n: the level n is an object
    std::size_t depth = 0;
    Expected expected = Expected::value;
    while (!failed()) {
        skip_blanks();
        if (at_ == end_) {
            return fail("it ends too early");
        }
        const bool in_object = (objects & 1U) != 0;
        if (expected == Expected::comma) {
            const char letter = *at_++;
            if (letter == ',') {
                expected = in_object ? Expected::key : Expected::value;
            } else if (letter != (in_object ? '}' : ']')) {
                --at_;
                return fail("a comma or the end of the list is missing");
            } else {
                objects >>= 1U;
                --depth;
            }
        } else if (expected == Expected::key) {
            if (!expect('"', "a key is missing") || !skip_string(nullptr)) {
                return false;
            }
            skip_blanks();
            expect(':', "a colon is missing");
            expected = Expected::value;
        } else if (*at_ == '{' || *at_ == '[') {
            const bool opens_object = *at_++ == '{';
            if (depth == k_depth) {
                return fail("it is nested too deeply");
            }
            skip_blanks();
            if (at_ != end_ && *at_ == (opens_object ? '}' : ']')) {
                ++at_;
                expected = Expected::comma;
            } else {
                objects = (objects << 1U) | (opens_object ? 1U : 0U);
                ++depth;
                expected = opens_object ? Expected::key : Expected::value;
            }
        } else {
            skip_scalar();
            expected = Expected::comma;
        }
        if (depth == 0 && expected == Expected::comma) {
            return !failed();
        }
    }
    return false;
}

std::optional<JsonString> JsonCursor::read_string() {
    skip_blanks();
    if (failed() || !expect('"', "a string is missing")) {
        return std::nullopt;
    }
    JsonString string;
    const char* first = at_;
    if (!skip_string(&string.has_escapes)) {
        return std::nullopt;
    }
    string.raw = {first, static_cast<std::size_t>(at_ - 1 - first)};
    return string;
}

std::optional<std::int64_t> JsonCursor::read_integer() {
    skip_blanks();
    const char* first = at_;
    if (failed() || !skip_number()) {
        return std::nullopt;
    }
    std::int64_t value = 0;
    const auto [last, code] = std::from_chars(first, at_, value);
    return code == std::errc{} && last == at_ ? std::optional(value) : std::nullopt;
}

bool JsonCursor::enter_object() {
    skip_blanks();
    return !failed() && expect('{', "an object is missing");
}

bool JsonCursor::next_key(JsonString& key, bool& first) {
    skip_blanks();
    if (failed() || at_ == end_) {
        return fail("it ends too early");
    }
    if (*at_ == '}') {
        ++at_;
        return false;
    }
    if (!first && !expect(',', "a comma or the end of the object is missing")) {
        return false;
    }
    first = false;
    const auto read = read_string();
    if (!read) {
        return false;
    }
    key = *read;
    return skip_colon();
}

bool JsonCursor::skip_colon() {
    skip_blanks();
    return !failed() && expect(':', "a colon is missing");
}

bool JsonCursor::enter_array() {
    skip_blanks();
    return !failed() && expect('[', "a list is missing");
}

bool JsonCursor::next_element(bool& first) {
    skip_blanks();
    if (failed() || at_ == end_) {
        return fail("it ends too early");
    }
    if (*at_ == ']') {
        ++at_;
        return false;
    }
    if (!first && !expect(',', "a comma or the end of the list is missing")) {
        return false;
    }
    first = false;
    return true;
}

char JsonCursor::peek() {
    skip_blanks();
    return failed() || at_ == end_ ? '\0' : *at_;
}

bool JsonCursor::at_end() {
    skip_blanks();
    return at_ == end_;
}

bool JsonCursor::fail(const char* error) {
    error_ = error_ == nullptr ? error : error_;
    return false;
}

/// Stands behind the opening quote; passes the closing one.
bool JsonCursor::skip_string(bool* has_escapes) {
    const char* first = at_;
    bool beyond_ascii = false;
    for (;;) {
        at_ = find_special(at_, end_, beyond_ascii);
        if (at_ == end_) {
            return fail("a string has no end");
        }
        if (*at_ == '"') {
            break;
        }
        if (*at_ != '\\') {
            return fail("a control character stands in a string");
        }
        if (!skip_escape()) {
            return false;
        }
        if (has_escapes != nullptr) {
            *has_escapes = true;
        }
    }
    if (beyond_ascii && !is_utf8({first, static_cast<std::size_t>(at_ - first)})) {
        return fail("a string is not UTF-8");
    }
    ++at_;
    return true;
}

bool JsonCursor::skip_escape() {
    ++at_;
    if (at_ == end_) {
        return fail("a string has no end");
    }
    const char letter = *at_++;
    if (std::string_view("\"\\/bfnrt").find(letter) != std::string_view::npos) {
        return true;
    }
    if (letter != 'u') {
        return fail("an escape that JSON does not have");
    }
    const auto code = read_hex4();
    if (!code) {
        return false;
    }
    if (*code >= 0xDC00 && *code < 0xE000) {
        return fail("half of a surrogate pair");
    }
    if (*code >= 0xD800 && *code < 0xDC00) {
        if (!expect('\\', "half of a surrogate pair") || !expect('u', "half of a surrogate pair")) {
            return false;
        }
        const auto low = read_hex4();
        if (!low || *low < 0xDC00 || *low >= 0xE000) {
            return fail("half of a surrogate pair");
        }
    }
    return true;
}

std::optional<unsigned> JsonCursor::read_hex4() {
    if (end_ - at_ < 4) {
        fail("a string has no end");
        return std::nullopt;
    }
    unsigned value = 0;
    const auto [last, code] = std::from_chars(at_, at_ + 4, value, 16);
    if (code != std::errc{} || last != at_ + 4) {
        fail("\\u wants four hex digits");
        return std::nullopt;
    }
    at_ += 4;
    return value;
}

bool JsonCursor::skip_number() {
    const auto digits = [this] {
        const char* first = at_;
        while (at_ != end_ && is_digit(*at_)) {
            ++at_;
        }
        return at_ != first;
    };
    if (at_ != end_ && *at_ == '-') {
        ++at_;
    }
    const bool is_zero = at_ != end_ && *at_ == '0';
    if (is_zero) {
        ++at_;
    } else if (!digits()) {
        return fail("a number is missing");
    }
    if (at_ != end_ && *at_ == '.') {
        ++at_;
        if (!digits()) {
            return fail("a number is not whole");
        }
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
        ++at_;
        if (at_ != end_ && (*at_ == '+' || *at_ == '-')) {
            ++at_;
        }
        if (!digits()) {
            return fail("a number is not whole");
        }
    }
    return true;
}

bool JsonCursor::skip_word(std::string_view word) {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    if (!rest.starts_with(word)) {
        return fail("a value is missing");
    }
    at_ += word.size();
    return true;
}

/// Stands before a byte.
bool JsonCursor::skip_scalar() {
    switch (*at_) {
        case '"':
            ++at_;
            return skip_string(nullptr);
        case 't':
            return skip_word("true");
        case 'f':
            return skip_word("false");
        case 'n':
            return skip_word("null");
        default:
            return skip_number();
    }
}

}  // namespace kiln::conda
