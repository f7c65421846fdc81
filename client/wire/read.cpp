#include "client/wire/read.hpp"

namespace kiln::client::wire {

std::optional<Digest> read_optional_digest(json::ObjectReader& in, std::string_view key) {
    const json::Value* value = in.find(key);
    if (value == nullptr || !value->is_string()) {
        static_cast<void>(in.optional_text(key));  // another type is an error
        return std::nullopt;
    }
    auto digest = Digest::parse(value->get_string());
    if (!digest) {
        in.refuse(std::move(digest).error());
        return std::nullopt;
    }
    return *digest;
}

Digest read_digest(json::ObjectReader& in, std::string_view key) {
    if (in.find(key) == nullptr) {
        static_cast<void>(in.text(key));  // missing is an error here
    }
    return read_optional_digest(in, key).value_or(Digest());
}

std::vector<Digest> read_digests(json::ObjectReader& in, std::string_view key) {
    std::vector<Digest> digests;
    for (const std::string& text : in.texts_or_empty(key)) {
        auto digest = Digest::parse(text);
        if (!digest) {
            in.refuse(std::move(digest).error());
            break;
        }
        digests.push_back(*digest);
    }
    return digests;
}

std::optional<std::uint64_t> read_optional_number(json::ObjectReader& in, std::string_view key) {
    if (in.find(key) == nullptr) {
        return std::nullopt;
    }
    return in.number(key);
}

std::optional<Span> read_optional_span(json::ObjectReader& in, std::string_view key) {
    const json::Value* value = in.find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    json::ObjectReader where(*value, "a place in a file");
    Span span;
    span.file = where.text("file");
    span.line = static_cast<std::uint32_t>(where.number("line"));
    span.column = static_cast<std::uint32_t>(where.number("column"));
    span.end_column = static_cast<std::uint32_t>(where.number("end_column"));
    if (auto done = where.finish(json::UnknownFields::ignore); !done) {
        in.refuse(std::move(done).error());
    }
    return span;
}

json::Value or_null(const std::optional<Digest>& digest) {
    return digest ? json::Value(digest->render()) : json::Value(nullptr);
}

}  // namespace kiln::client::wire
