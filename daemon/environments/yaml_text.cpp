#include "daemon/environments/yaml_text.hpp"

#include "store/base/utf8.hpp"

#include <algorithm>
#include <array>

namespace kiln::daemon {

namespace {

using conda::yaml::Kind;
using conda::yaml::Node;

constexpr std::string_view k_plain_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./@:+=<>*~^-";
constexpr std::string_view k_plain_first =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/.0123456789";
/// What a reader of YAML 1.1 takes for a boolean or null.
constexpr std::array<std::string_view, 9> k_words{
    "true", "false", "yes", "no", "on", "off", "null", "y", "n"};

bool is_plain(std::string_view text) {
    if (text.empty() || k_plain_first.find(text.front()) == std::string_view::npos
        || text.find_first_not_of(k_plain_letters) != std::string_view::npos
        || text.back() == ':') {
        return false;
    }
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    if (std::find(k_words.begin(), k_words.end(), lower) != k_words.end() || lower == "...") {
        return false;
    }
    // Digits, dots, signs and exponents alone are a number, a date or a time to some reader.
    return lower.find_first_not_of("0123456789.+-_:e") != std::string::npos
           && !lower.starts_with("0x") && !lower.starts_with("0o") && lower != ".inf"
           && lower != ".nan";
}

/// Printable in YAML 1.2 and no line break in any version of it.
bool is_printable(char32_t value) {
    return (value >= 0x20 && value < 0x7F) || (value >= 0xA0 && value < 0x2028)
           || (value > 0x2029 && value < 0xD800) || (value >= 0xE000 && value < 0xFEFF)
           || (value > 0xFEFF && value <= 0xFFFD) || (value >= 0x10000 && value <= 0x10FFFF);
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        const CodePoint point = code_point_at(text, i);
        if (point.value == '"' || point.value == '\\') {
            out += '\\';
            out += text[i];
        } else if (point.value == '\n') {
            out += "\\n";
        } else if (point.value == '\t') {
            out += "\\t";
        } else if (point.value == 0xFFFD) {
            out += "\xEF\xBF\xBD";  // what is no UTF-8 too
        } else if (is_printable(point.value)) {
            out += text.substr(i, point.length);
        } else if (point.value <= 0xFFFF) {
            out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(point.value));
        } else {
            out += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(point.value));
        }
        i += point.length;
    }
    return out + "\"";
}

/// "a" for a scalar, "{}" or "[]" for what is empty; nullopt for what needs lines of its own.
std::optional<std::string> in_line(Node node) {
    switch (node.kind()) {
        case Kind::null:
            return "null";
        case Kind::scalar:
            return yaml_scalar(node.text());
        case Kind::sequence:
            return node.size() == 0 ? std::optional<std::string>("[]") : std::nullopt;
        case Kind::mapping:
            return node.size() == 0 ? std::optional<std::string>("{}") : std::nullopt;
    }
    return std::nullopt;
}

void append_lines(std::string& out, Node node, std::size_t indent);

/// What follows "key:" or "-" of a line that is indented by `indent`.
void append_value(std::string& out, Node value, std::size_t indent) {
    if (const auto text = in_line(value)) {
        out += " " + *text + "\n";
        return;
    }
    out += "\n";
    append_lines(out, value, indent + 2);
}

void append_lines(std::string& out, Node node, std::size_t indent) {
    const bool is_mapping = node.kind() == Kind::mapping;
    for (std::size_t i = 0; i < node.size(); ++i) {
        out +=
            std::string(indent, ' ') + (is_mapping ? yaml_scalar(node.key(i).text()) + ":" : "-");
        append_value(out, is_mapping ? node.value(i) : node.at(i), indent);
    }
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
    return is_plain(text) ? std::string(text) : quoted(text);
}

std::string yaml_block(Node node, std::size_t indent) {
    if (auto text = in_line(node)) {
        return std::move(*text);
    }
    std::string out;
    append_lines(out, node, indent);
    return out;
}

std::string yaml_flow(Node node) {
    if (auto text = in_line(node)) {
        return std::move(*text);
    }
    const bool is_mapping = node.kind() == Kind::mapping;
    std::string out = is_mapping ? "{" : "[";
    for (std::size_t i = 0; i < node.size(); ++i) {
        out += i == 0 ? "" : ", ";
        out += is_mapping ? quoted(node.key(i).text()) + ": " : "";
        const Node value = is_mapping ? node.value(i) : node.at(i);
        out += value.kind() == Kind::scalar ? quoted(value.text()) : yaml_flow(value);
    }
    return out + (is_mapping ? "}" : "]");
}

bool same_yaml(Node left, Node right) {
    if (left.kind() != right.kind() || left.size() != right.size() || left.text() != right.text()) {
        return false;
    }
    const bool is_mapping = left.kind() == Kind::mapping;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (is_mapping
            && (left.key(i).text() != right.key(i).text()
                || !same_yaml(left.value(i), right.value(i)))) {
            return false;
        }
        if (!is_mapping && !same_yaml(left.at(i), right.at(i))) {
            return false;
        }
    }
    return true;
}

}  // namespace kiln::daemon
