#include "layers/conda/input/mapping_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace kiln::conda::yaml {

MappingReader::MappingReader(Node node, std::string what)
    : node_(node),
      what_(std::move(what)) {
    if (node.kind() != Kind::mapping) {
        refuse(error_at(node, fmt::format("{} is {}, not a mapping", what_, node.kind_name())));
    }
}

std::string MappingReader::text(std::string_view key) {
    const auto value = require(key);
    return value ? scalar(key, *value).value_or("") : "";
}

std::string MappingReader::text_or(std::string_view key, std::string_view otherwise) {
    return optional_text(key).value_or(std::string(otherwise));
}

std::optional<std::string> MappingReader::optional_text(std::string_view key) {
    const auto value = find(key);
    return value ? scalar(key, *value) : std::nullopt;
}

std::optional<std::uint64_t> MappingReader::optional_number(std::string_view key) {
    const auto value = find(key);
    if (!value) {
        return std::nullopt;
    }
    const std::string_view text = value->text();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (value->kind() != Kind::scalar || error != std::errc{} || end != text.data() + text.size()) {
        refuse(error_at(*value, fmt::format("{} of {} is not a whole number", key, what_)));
        return std::nullopt;
    }
    return number;
}

bool MappingReader::boolean_or(std::string_view key, bool otherwise) {
    const auto value = find(key);
    if (!value) {
        return otherwise;
    }
    const std::string_view text = value->text();
    const bool is_true = text == "true" || text == "True" || text == "TRUE";
    if (!is_true && text != "false" && text != "False" && text != "FALSE") {
        refuse(error_at(*value, fmt::format("{} of {} is neither true nor false", key, what_)));
    }
    return is_true;
}

std::vector<std::string> MappingReader::texts_or_empty(std::string_view key) {
    std::vector<std::string> texts;
    each(key, [&](Node element) -> Result<void> {
        if (auto value = scalar(key, element)) {
            texts.push_back(std::move(*value));
        }
        return {};
    });
    return texts;
}

std::optional<Node> MappingReader::find(std::string_view key) {
    read_.emplace_back(key);
    if (error_ || node_.kind() != Kind::mapping) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < node_.size(); ++i) {
        if (node_.key(i).text() == key) {
            const Node value = node_.value(i);
            return value.kind() == Kind::null ? std::nullopt : std::optional(value);
        }
    }
    return std::nullopt;
}

void MappingReader::each(std::string_view key, const std::function<Result<void>(Node)>& read) {
    if (const auto value = find(key)) {
        if (auto done = each_element(*value, fmt::format("{} of {}", key, what_), read); !done) {
            refuse(std::move(done).error());
        }
    }
}

void MappingReader::each_pair(
    std::string_view key, const std::function<Result<void>(std::string_view, Node)>& read
) {
    const auto value = find(key);
    if (!value) {
        return;
    }
    if (value->kind() != Kind::mapping) {
        refuse(error_at(
            *value, fmt::format("{} of {} is {}, not a mapping", key, what_, value->kind_name())
        ));
        return;
    }
    for (std::size_t i = 0; i < value->size() && !error_; ++i) {
        if (auto done = read(value->key(i).text(), value->value(i)); !done) {
            refuse(std::move(done).error());
        }
    }
}

void MappingReader::refuse(Error error) {
    if (!error_) {
        error_ = std::move(error);
    }
}

std::vector<Node> MappingReader::unread() const {
    std::vector<Node> keys;
    for (std::size_t i = 0; node_.kind() == Kind::mapping && i < node_.size(); ++i) {
        if (std::find(read_.begin(), read_.end(), node_.key(i).text()) == read_.end()) {
            keys.push_back(node_.key(i));
        }
    }
    return keys;
}

Result<void> MappingReader::finish() {
    if (error_) {
        return fail(std::move(*error_));
    }
    return {};
}

std::optional<Node> MappingReader::require(std::string_view key) {
    const auto value = find(key);
    if (!value) {
        refuse(error_at(node_, fmt::format("{} has no {}", what_, key)));
    }
    return value;
}

std::optional<std::string> MappingReader::scalar(std::string_view key, Node value) {
    if (value.kind() != Kind::scalar) {
        refuse(error_at(
            value, fmt::format("{} of {} is {}, not a text", key, what_, value.kind_name())
        ));
        return std::nullopt;
    }
    return std::string(value.text());
}

Result<void> each_element(
    Node node, std::string_view what, const std::function<Result<void>(Node)>& read
) {
    if (node.kind() != Kind::sequence) {
        return fail(error_at(node, fmt::format("{} is {}, not a list", what, node.kind_name())));
    }
    for (std::size_t i = 0; i < node.size(); ++i) {
        TRY(read(node.at(i)));
    }
    return {};
}

Error error_at(Node node, std::string message) {
    return Error{.code = Code::invalid_input, .message = std::move(message), .where = node.span()};
}

}  // namespace kiln::conda::yaml
