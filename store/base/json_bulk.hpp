#pragma once

#include "store/base/json.hpp"

#include <boost/json/monotonic_resource.hpp>

#include <memory>
#include <string>
#include <string_view>

// For answers of many thousand records: what they cost is mostly the memory of their parts.

namespace kiln::json {

/// A value that lies in one arena with all of its parts, which live no longer than this.
struct BulkValue {
    BulkValue(std::unique_ptr<boost::json::monotonic_resource> its_arena, Value its_value)
        : arena(std::move(its_arena)),
          value(std::move(its_value)) {}

    BulkValue(BulkValue&&) = default;
    BulkValue& operator=(BulkValue&&) = delete;  // the arena would go before the value

    std::unique_ptr<boost::json::monotonic_resource> arena;
    Value value;
};

/// As parse(), from a program that is ours: keys that stand twice are not looked for.
Result<BulkValue> parse_bulk(std::string_view text, std::string_view what);

/// Appends a string as render() writes it.
void append_quoted(std::string& out, std::string_view text);

}  // namespace kiln::json
