#pragma once

#include "store/base/error.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

/// Strict JSON (RFC 8259), no duplicate keys, at most limits::k_json_depth deep.
/// Errors   invalid_input with line and column; `what` names the document.
Result<Value> parse(std::string_view text, std::string_view what);

/// Compact, keys in the order they were put in: the caller decides what is canonical. Bytes of a
/// text that are no UTF-8 become U+FFFD, so that what comes out is JSON.
std::string render(const Value& value);
/// Two spaces a level, for people and golden files.
std::string render_pretty(const Value& value);

enum class UnknownFields : std::uint8_t { refuse, ignore };

/// Reads one object into typed fields. The first failure is kept and told by finish(); getters give
/// default values after it, so that a record is read in one go. A null field counts as absent.
///
///     ObjectReader in(value, "the build request");
///     request.target = in.text_or("target", "");
///     TRY(in.finish(UnknownFields::refuse));
class ObjectReader {
  public:
    ObjectReader(const Value& value, std::string what);

    std::string text(std::string_view key);
    std::string text_or(std::string_view key, std::string_view otherwise);
    std::optional<std::string> optional_text(std::string_view key);
    std::uint64_t number(std::string_view key);
    std::uint64_t number_or(std::string_view key, std::uint64_t otherwise);
    std::optional<std::int64_t> optional_integer(std::string_view key);
    bool boolean_or(std::string_view key, bool otherwise);
    std::vector<std::string> texts_or_empty(std::string_view key);
    std::optional<std::vector<std::string>> optional_texts(std::string_view key);
    std::map<std::string, std::string> text_map_or_empty(std::string_view key);
    /// nullptr when absent.
    const Value* find(std::string_view key);
    /// The array's elements through `read`, which may fail; empty when absent.
    void each(std::string_view key, const std::function<Result<void>(const Value&)>& read);

    /// Records a failure found outside; the first one stays.
    void refuse(Error error);

    [[nodiscard]] const std::string& what() const { return what_; }

    Result<void> finish(UnknownFields unknown);

  private:
    const Value* require(std::string_view key);
    void refuse_type(std::string_view key, std::string_view expected);

    const Object* object_ = nullptr;
    std::string what_;
    std::vector<std::string_view> read_;
    std::optional<Error> error_;
};

Value from_texts(const std::vector<std::string>& texts);
Value from_text_map(const std::map<std::string, std::string>& map);

}  // namespace kiln::json
