#include "daemon/toml_reader.hpp"

namespace kiln::daemon {

Result<std::string> TomlReader::text(const toml::node& node, std::string_view key) const {
    if (const auto text = node.value_exact<std::string>()) {
        return *text;
    }
    return fail(refused(fmt::format("\"{}\" must be a string", key), node));
}

Result<std::int64_t> TomlReader::number(const toml::node& node, std::string_view key) const {
    const auto number = node.value_exact<std::int64_t>();
    if (number && *number >= 0) {
        return *number;
    }
    return fail(refused(fmt::format("\"{}\" must be a whole number, not negative", key), node));
}

Result<std::vector<std::string>> TomlReader::texts(const toml::node& node, std::string_view key)
    const {
    TRY_ASSIGN(const toml::array* items, array(node, key));
    std::vector<std::string> texts;
    for (const toml::node& item : *items) {
        TRY_ASSIGN(texts.emplace_back(), text(item, key));
    }
    return texts;
}

Result<const toml::table*> TomlReader::table(const toml::node& node, std::string_view key) const {
    if (const toml::table* table = node.as_table()) {
        return table;
    }
    return fail(refused(fmt::format("\"{}\" must be a table", key), node));
}

Result<const toml::array*> TomlReader::array(const toml::node& node, std::string_view key) const {
    if (const toml::array* array = node.as_array()) {
        return array;
    }
    return fail(refused(fmt::format("\"{}\" must be an array", key), node));
}

Error TomlReader::refused(std::string message, const toml::node& node) const {
    return Error{
        .code = Code::invalid_input,
        .message = std::move(message),
        .where = span_of(node.source())};
}

Error TomlReader::unknown(std::string_view key, const toml::node& node) const {
    return refused(fmt::format("there is no setting \"{}\"", key), node);
}

Span TomlReader::span_of(const toml::source_region& region) const {
    return Span{file_, region.begin.line, region.begin.column, region.end.column};
}

}  // namespace kiln::daemon
