#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::conda {

/// A string of a JSON text as it stands there, without its quotes.
struct JsonString {
    std::string_view raw;
    bool has_escapes = false;

    /// What it means. The cursor that gave it has checked the escapes.
    [[nodiscard]] std::string decode() const;

    /// Whether it means this text: a key may be written with escapes too.
    [[nodiscard]] bool is(std::string_view text) const {
        return has_escapes ? decode() == text : raw == text;
    }
};

/// Reads a JSON text (RFC 8259) from front to back without making anything of it: hundreds of MiB
/// are passed over at the speed of memory, yet each byte is checked (UTF-8, escapes, numbers).
/// Each call returns false or nullopt at the first fault, and after it; error() says what it was.
///
///     bool first = true;
///     for (cursor.enter_object(); cursor.next_key(key, first);) {
///         cursor.skip_value();
///     }
class JsonCursor {
  public:
    /// Nesting of any value; the type of each open level is one bit.
    static constexpr std::size_t k_depth = 64;

    explicit JsonCursor(std::string_view text)
        : begin_(text.data()),
          at_(text.data()),
          end_(text.data() + text.size()) {}

    /// Checks and passes one value of any type.
    bool skip_value();
    std::optional<JsonString> read_string();
    /// A whole number; nullopt without an error for others (fractions, beyond 64 bits), which are
    /// passed.
    std::optional<std::int64_t> read_integer();

    bool enter_object();
    /// Stands before the value of the next key; false at the end of the object, which is passed.
    /// `first` starts true for each object.
    bool next_key(JsonString& key, bool& first);
    bool enter_array();
    bool next_element(bool& first);

    /// Passes the colon between a key that read_string() gave and its value.
    bool skip_colon();
    /// The first byte of the next value without taking it: '{', '"', 'n'…; '\0' at the end.
    char peek();
    /// Nothing but white space follows.
    bool at_end();

    [[nodiscard]] std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }

    [[nodiscard]] bool failed() const { return error_ != nullptr; }

    /// What is wrong; nullptr while nothing is.
    [[nodiscard]] const char* error() const { return error_; }

  private:
    bool fail(const char* error);

    void skip_blanks() {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) {
            ++at_;
        }
    }

    bool expect(char wanted, const char* error) {
        if (at_ == end_ || *at_ != wanted) {
            return fail(error);
        }
        ++at_;
        return true;
    }

    bool skip_string(bool* has_escapes);
    bool skip_escape();
    std::optional<unsigned> read_hex4();
    bool skip_number();
    bool skip_word(std::string_view word);
    bool skip_scalar();

    const char* begin_;
    const char* at_;
    const char* end_;
    const char* error_ = nullptr;
};

}  // namespace kiln::conda
