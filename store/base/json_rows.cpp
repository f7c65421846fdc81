#include "store/base/json_rows.hpp"

#include "store/base/limits.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value_stack.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace kiln::json {
namespace {

using boost::json::error_code;
using boost::json::string_view;

/// Most rows fit, and then no memory is asked for.
constexpr std::size_t k_arena_bytes = 32UL * 1024;
/// Containers around a row: the document and the list.
constexpr std::size_t k_depth_of_rows = 2;

/// What the parser tells, put together to one row after the other.
class RowHandler {
  public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    RowHandler(std::string key, RowReader::Take take)
        : wanted_(std::move(key)),
          take_(std::move(take)) {
        stack_.reset(&arena_);
    }

    [[nodiscard]] bool has_list() const { return has_list_; }

    [[nodiscard]] const Result<void>& outcome() const { return outcome_; }

    bool on_document_begin(error_code&) { return true; }

    bool on_document_end(error_code&) { return true; }

    bool on_object_begin(error_code&) {
        ++depth_;
        return true;
    }

    bool on_object_end(std::size_t count, error_code& error) {
        if (in_row()) {
            stack_.push_object(count);
        }
        --depth_;
        return !is_in_list_ || depth_ != k_depth_of_rows || give_row(error);
    }

    bool on_array_begin(error_code& error) {
        if (!check_place(error)) {
            return false;
        }
        if (++depth_ == k_depth_of_rows) {
            is_in_list_ = key_ == wanted_;
            has_list_ |= is_in_list_;
        }
        return true;
    }

    bool on_array_end(std::size_t count, error_code&) {
        if (in_row()) {
            stack_.push_array(count);
        }
        is_in_list_ = is_in_list_ && depth_ != k_depth_of_rows;
        --depth_;
        return true;
    }

    bool on_key_part(string_view part, std::size_t, error_code&) {
        if (in_row()) {
            stack_.push_chars(part);
        } else if (depth_ == 1) {
            part_of_key_ += std::string_view(part);
        }
        return true;
    }

    bool on_key(string_view part, std::size_t, error_code&) {
        if (in_row()) {
            stack_.push_key(part);
        } else if (depth_ == 1) {
            key_ = std::exchange(part_of_key_, {}) + std::string(part);
        }
        return true;
    }

    bool on_string_part(string_view part, std::size_t, error_code& error) {
        if (in_row()) {
            stack_.push_chars(part);
        }
        return check_place(error);
    }

    bool on_string(string_view part, std::size_t, error_code& error) {
        return put(error, [&] { stack_.push_string(part); });
    }

    bool on_number_part(string_view, error_code&) { return true; }

    bool on_int64(std::int64_t number, string_view, error_code& error) {
        return put(error, [&] { stack_.push_int64(number); });
    }

    bool on_uint64(std::uint64_t number, string_view, error_code& error) {
        return put(error, [&] { stack_.push_uint64(number); });
    }

    bool on_double(double number, string_view, error_code& error) {
        if (!std::isfinite(number)) {
            error = boost::json::error::exponent_overflow;
            return false;
        }
        return put(error, [&] { stack_.push_double(number); });
    }

    bool on_bool(bool is_true, error_code& error) {
        return put(error, [&] { stack_.push_bool(is_true); });
    }

    bool on_null(error_code& error) {
        return put(error, [&] { stack_.push_null(); });
    }

    bool on_comment_part(string_view, error_code&) { return true; }

    bool on_comment(string_view, error_code&) { return true; }

  private:
    [[nodiscard]] bool in_row() const { return is_in_list_ && depth_ > k_depth_of_rows; }

    template<class Push>
    bool put(error_code& error, Push push) {
        if (in_row()) {
            push();
        }
        return check_place(error);
    }

    /// Only objects are rows.
    bool check_place(error_code& error) {
        if (is_in_list_ && depth_ == k_depth_of_rows) {
            outcome_ = fail(Code::invalid_input, "\"{}\" has a row that is no object", wanted_);
            error = boost::json::error::syntax;
            return false;
        }
        return true;
    }

    bool give_row(error_code& error) {
        {
            const Value row = stack_.release();
            outcome_ = take_(row);
        }
        arena_.release();
        stack_.reset(&arena_);
        if (!outcome_) {
            error = boost::json::error::syntax;  // any: it ends the parser
        }
        return outcome_.has_value();
    }

    std::string wanted_;
    RowReader::Take take_;
    std::array<unsigned char, k_arena_bytes> room_;
    boost::json::monotonic_resource arena_{room_.data(), room_.size()};
    boost::json::value_stack stack_;
    Result<void> outcome_;
    std::string key_;  // the latest of the document's own
    std::string part_of_key_;
    std::size_t depth_ = 0;
    bool is_in_list_ = false;
    bool has_list_ = false;
};

boost::json::parse_options strict() {
    boost::json::parse_options options;
    options.max_depth = limits::k_json_depth;
    return options;
}

Error no_json(const error_code& error) {
    return Error{
        .code = Code::invalid_input, .message = "the list is not valid JSON: " + error.message()};
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
    const auto is_plain = [](char each) {
        return each >= ' ' && each < '\x7f' && each != '"' && each != '\\';
    };
    if (!std::ranges::all_of(text, is_plain)) {
        out += render(Value(text));
        return;
    }
    out += '"';
    out += text;
    out += '"';
}

struct RowReader::Parser : boost::json::basic_parser<RowHandler> {
    using basic_parser::basic_parser;
};

RowReader::RowReader(std::string key, Take take)
    : parser_(std::make_unique<Parser>(strict(), std::move(key), std::move(take))) {}

RowReader::~RowReader() = default;

Result<void> RowReader::write(ByteSpan bytes) {
    error_code error;
    const std::string_view text = as_text(bytes);
    const std::size_t consumed = parser_->write_some(true, text.data(), text.size(), error);
    TRY(parser_->handler().outcome());
    if (!error && text.find_first_not_of(" \t\r\n", consumed) != std::string_view::npos) {
        error = boost::json::error::extra_data;
    }
    return error ? Result<void>(fail(no_json(error))) : Result<void>();
}

Result<void> RowReader::finish() {
    error_code error;
    if (!parser_->done()) {
        parser_->write_some(false, nullptr, 0, error);
    }
    if (error) {
        return fail(no_json(error));
    }
    if (!parser_->handler().has_list()) {
        return fail(Code::invalid_input, "the document has no list of rows");
    }
    return {};
}

Result<void> Indenter::write(ByteSpan bytes) {
    text_.clear();
    for (const char each : as_text(bytes)) {
        put(each);
    }
    return out_.write(as_bytes(text_));
}

void Indenter::put(char each) {
    if (quoted_) {
        text_ += each;
        quoted_ = escaped_ || each != '"';
        escaped_ = !escaped_ && each == '\\';
        return;
    }
    const bool closes = each == '}' || each == ']';
    depth_ -= closes && depth_ > 0 ? 1 : 0;
    // What is empty stays on its line.
    if (opened_ != closes) {
        break_line();
    }
    text_ += each;
    opened_ = each == '{' || each == '[';
    depth_ += opened_ ? 1 : 0;
    quoted_ = each == '"';
    if (each == ',') {
        break_line();
    } else if (each == ':') {
        text_ += ' ';
    }
}

void Indenter::break_line() {
    text_ += '\n';
    text_.append(depth_ * 2, ' ');
}

}  // namespace kiln::json
