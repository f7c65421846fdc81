#pragma once

#include "store/base/json.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

/// The daemon's records as the client reads them: strict about what it uses, deaf to fields that a
/// newer daemon adds.
namespace kiln::client::wire {

Digest read_digest(json::ObjectReader& in, std::string_view key);
std::optional<Digest> read_optional_digest(json::ObjectReader& in, std::string_view key);
std::vector<Digest> read_digests(json::ObjectReader& in, std::string_view key);
std::optional<std::uint64_t> read_optional_number(json::ObjectReader& in, std::string_view key);
std::optional<Span> read_optional_span(json::ObjectReader& in, std::string_view key);

/// The records of an array, each through `parse`.
template<class T, class Parse>
std::vector<T> read_list(json::ObjectReader& in, std::string_view key, Parse parse) {
    std::vector<T> records;
    in.each(key, [&](const json::Value& item) -> Result<void> {
        TRY_ASSIGN(T record, parse(item));
        records.push_back(std::move(record));
        return {};
    });
    return records;
}

/// Null for nothing, as the wire wants it.
template<class T>
json::Value or_null(const std::optional<T>& value) {
    return value ? json::Value(*value) : json::Value(nullptr);
}

json::Value or_null(const std::optional<Digest>& digest);

}  // namespace kiln::client::wire
