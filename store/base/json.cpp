#include "store/base/json.hpp"

#include "store/base/limits.hpp"
#include "store/base/utf8.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/parse_options.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>

namespace kiln::json {
namespace {

Error at_position(
    std::string_view text, std::size_t offset, std::string_view what, std::string why
) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const auto line =
        static_cast<std::uint32_t>(1 + std::count(before.begin(), before.end(), '\n'));
    const std::size_t start =
        before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const auto column = static_cast<std::uint32_t>(before.size() - start + 1);
    return Error{
        .code = Code::invalid_input,
        .message = fmt::format("{} is not valid JSON: {}", what, why),
        .where = Span{std::string(what), line, column, column}};
}

std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') {
            ++at;
        }
    }
    return at;
}

/// Most records have no more, and then the list of those that were read grows once.
constexpr std::size_t k_usual_fields = 16;

/// The keys of one object so far. Most objects have few: those are compared one by one.
class Keys {
  public:
    void clear() {
        few_.clear();
        many_.clear();
    }

    /// False when it is there already.
    bool insert(std::string_view key) {
        if (!many_.empty()) {
            return many_.insert(key).second;
        }
        if (std::ranges::find(few_, key) != few_.end()) {
            return false;
        }
        few_.push_back(key);
        if (few_.size() > k_few) {
            many_.insert(few_.begin(), few_.end());
        }
        return true;
    }

  private:
    static constexpr std::size_t k_few = 16;

    std::vector<std::string_view> few_;
    std::set<std::string_view> many_;
};

/// Where a key stands for the second time in one object of a text that has been parsed. Boost.JSON
/// keeps the last of two equal keys, and two readers of one document could see different things.
std::optional<std::size_t> find_duplicate_key(std::string_view text) {
    std::vector<Keys> scopes;  // an array has an empty one; those beyond the depth are used again
    std::size_t depth = 0;
    std::deque<std::string> decoded;  // keys that are written with escapes
    for (std::size_t at = 0; at < text.size(); ++at) {
        switch (text[at]) {
            case '{':
            case '[':
                if (scopes.size() == depth) {
                    scopes.emplace_back();
                }
                scopes[depth++].clear();
                break;
            case '}':
            case ']':
                --depth;
                break;
            case '"': {
                const std::size_t end = end_of_string(text, at);
                const std::size_t next = text.find_first_not_of(" \t\r\n", end + 1);
                const bool is_key = next != std::string_view::npos && text[next] == ':';
                std::string_view key = text.substr(at + 1, end - at - 1);
                if (is_key && key.find('\\') != std::string_view::npos) {
                    const Value meant = boost::json::parse(text.substr(at, end - at + 1));
                    key = decoded.emplace_back(meant.as_string());
                }
                if (is_key && !scopes[depth - 1].insert(key)) {
                    return at;
                }
                at = end;
                break;
            }
            default:
                break;
        }
    }
    return std::nullopt;
}

/// A number like 1e999, which JSON allows and no double holds: it would be rendered as no JSON.
bool has_infinity(const Value& value) {
    if (const Array* array = value.if_array()) {
        return std::any_of(array->begin(), array->end(), has_infinity);
    }
    if (const Object* object = value.if_object()) {
        return std::any_of(object->begin(), object->end(), [](const auto& field) {
            return has_infinity(field.value());
        });
    }
    return value.is_double() && !std::isfinite(value.get_double());
}

void render_pretty_into(std::string& out, const Value& value, std::size_t depth) {
    const std::string indent((depth + 1) * 2, ' ');
    const std::string outdent(depth * 2, ' ');
    const auto put = [&](bool first) { out += (first ? "\n" : ",\n") + indent; };
    if (const Object* object = value.if_object(); object != nullptr && !object->empty()) {
        out += '{';
        bool first = true;
        for (const auto& [key, item] : *object) {
            put(std::exchange(first, false));
            out += boost::json::serialize(key) + ": ";
            render_pretty_into(out, item, depth + 1);
        }
        out += "\n" + outdent + '}';
    } else if (const Array* array = value.if_array(); array != nullptr && !array->empty()) {
        out += '[';
        bool first = true;
        for (const Value& item : *array) {
            put(std::exchange(first, false));
            render_pretty_into(out, item, depth + 1);
        }
        out += "\n" + outdent + ']';
    } else {
        out += boost::json::serialize(value);
    }
}

/// All but the keys that stand twice.
Result<Value> parse_once(std::string_view text, std::string_view what) {
    boost::json::parse_options options;
    options.max_depth = limits::k_json_depth;
    boost::json::stream_parser parser({}, options);
    boost::json::error_code error;
    const std::size_t consumed = parser.write_some(text.data(), text.size(), error);
    if (!error && consumed < text.size()) {
        return fail(at_position(text, consumed, what, "something stands behind its end"));
    }
    if (!error) {
        parser.finish(error);
    }
    if (error) {
        return fail(at_position(text, consumed, what, error.message()));
    }
    Value value = parser.release();
    if (has_infinity(value)) {
        return fail(Code::invalid_input, "{} has a number that is out of range", what);
    }
    return value;
}

}  // namespace

Result<Value> parse(std::string_view text, std::string_view what) {
    TRY_ASSIGN(Value value, parse_once(text, what));
    if (const auto duplicate = find_duplicate_key(text)) {
        return fail(at_position(text, *duplicate, what, "this key stands twice in its object"));
    }
    return value;
}

std::string render(const Value& value) {
    return to_utf8(boost::json::serialize(value));
}

std::string render_pretty(const Value& value) {
    std::string out;
    render_pretty_into(out, value, 0);
    return to_utf8(std::move(out) + "\n");
}

ObjectReader::ObjectReader(const Value& value, std::string what)
    : object_(value.if_object()),
      what_(std::move(what)) {
    read_.reserve(k_usual_fields);
    if (object_ == nullptr) {
        refuse(Error{.code = Code::invalid_input, .message = what_ + " must be a JSON object"});
    }
}

void ObjectReader::refuse(Error error) {
    if (!error_) {
        error_ = std::move(error);
    }
}

void ObjectReader::refuse_type(std::string_view key, std::string_view expected) {
    refuse(Error{
        .code = Code::invalid_input,
        .message = fmt::format("\"{}\" of {} must be {}", key, what_, expected)});
}

const Value* ObjectReader::find(std::string_view key) {
    if (object_ == nullptr) {
        return nullptr;
    }
    const Value* value = object_->if_contains(key);
    if (value != nullptr) {
        read_.push_back(key);
    }
    return value == nullptr || value->is_null() ? nullptr : value;
}

const Value* ObjectReader::require(std::string_view key) {
    const Value* value = find(key);
    if (value == nullptr) {
        refuse(Error{
            .code = Code::invalid_input,
            .message = fmt::format("\"{}\" is missing in {}", key, what_)});
    }
    return value;
}

std::string ObjectReader::text(std::string_view key) {
    return require(key) == nullptr ? std::string() : text_or(key, "");
}

std::string ObjectReader::text_or(std::string_view key, std::string_view otherwise) {
    return optional_text(key).value_or(std::string(otherwise));
}

std::optional<std::string> ObjectReader::optional_text(std::string_view key) {
    const Value* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_string()) {
        refuse_type(key, "a string");
        return std::nullopt;
    }
    return std::string(value->get_string());
}

std::uint64_t ObjectReader::number(std::string_view key) {
    return require(key) == nullptr ? 0 : number_or(key, 0);
}

std::uint64_t ObjectReader::number_or(std::string_view key, std::uint64_t otherwise) {
    const Value* value = find(key);
    if (value == nullptr) {
        return otherwise;
    }
    if (value->is_uint64()) {
        return value->get_uint64();
    }
    if (value->is_int64() && value->get_int64() >= 0) {
        return static_cast<std::uint64_t>(value->get_int64());
    }
    refuse_type(key, "a whole number, not negative");
    return otherwise;
}

std::optional<std::int64_t> ObjectReader::optional_integer(std::string_view key) {
    const Value* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_int64()) {
        refuse_type(key, "a whole number");
        return std::nullopt;
    }
    return value->get_int64();
}

bool ObjectReader::boolean_or(std::string_view key, bool otherwise) {
    const Value* value = find(key);
    if (value == nullptr) {
        return otherwise;
    }
    if (!value->is_bool()) {
        refuse_type(key, "true or false");
        return otherwise;
    }
    return value->get_bool();
}

std::vector<std::string> ObjectReader::texts_or_empty(std::string_view key) {
    return optional_texts(key).value_or(std::vector<std::string>());
}

std::optional<std::vector<std::string>> ObjectReader::optional_texts(std::string_view key) {
    const Value* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    std::vector<std::string> texts;
    const Array* array = value->if_array();
    const bool all_texts =
        array != nullptr && std::all_of(array->begin(), array->end(), [](const Value& item) {
            return item.is_string();
        });
    if (!all_texts) {
        refuse_type(key, "an array of strings");
        return std::nullopt;
    }
    for (const Value& item : *array) {
        texts.emplace_back(item.get_string());
    }
    return texts;
}

std::map<std::string, std::string> ObjectReader::text_map_or_empty(std::string_view key) {
    std::map<std::string, std::string> map;
    const Value* value = find(key);
    if (value == nullptr) {
        return map;
    }
    const Object* object = value->if_object();
    if (object == nullptr) {
        refuse_type(key, "an object of strings");
        return map;
    }
    for (const auto& [name, item] : *object) {
        if (!item.is_string()) {
            refuse_type(key, "an object of strings");
            return map;
        }
        map.emplace(name, item.get_string());
    }
    return map;
}

void ObjectReader::each(
    std::string_view key, const std::function<Result<void>(const Value&)>& read
) {
    const Value* value = find(key);
    if (value == nullptr) {
        return;
    }
    const Array* array = value->if_array();
    if (array == nullptr) {
        refuse_type(key, "an array");
        return;
    }
    for (const Value& item : *array) {
        if (auto done = read(item); !done) {
            refuse(std::move(done).error());
            return;
        }
    }
}

Result<void> ObjectReader::finish(UnknownFields unknown) {
    if (!error_ && unknown == UnknownFields::refuse) {
        for (const auto& [key, value] : *object_) {
            if (std::find(read_.begin(), read_.end(), std::string_view(key)) == read_.end()) {
                refuse(Error{
                    .code = Code::invalid_input,
                    .message = fmt::format("{} has no field \"{}\"", what_, std::string_view(key))}
                );
            }
        }
    }
    if (error_) {
        return fail(*error_);
    }
    return {};
}

Value from_texts(const std::vector<std::string>& texts) {
    Array array;
    for (const std::string& text : texts) {
        array.emplace_back(text);
    }
    return array;
}

Value from_text_map(const std::map<std::string, std::string>& map) {
    Object object;
    for (const auto& [key, text] : map) {
        object.emplace(key, text);
    }
    return object;
}

}  // namespace kiln::json
