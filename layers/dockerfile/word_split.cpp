#include "layers/dockerfile/word_split.hpp"

#include "layers/dockerfile/unicode.hpp"
#include "store/base/json.hpp"

#include <algorithm>

namespace kiln::dockerfile {
namespace {

constexpr std::string_view k_blanks = " \t\v\f\r";

/// One flag's word, from `at` on: quotes and backslashes are taken off.
Slice read_flag(std::string_view source, std::size_t at) {
    Slice flag{"", at, at};
    char quote = '\0';
    while (at < source.size()) {
        const char c = source[at];
        if (quote == '\0' && is_space(static_cast<unsigned char>(c))) {
            break;
        }
        ++at;
        if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else if (c != '\\') {
            flag.text += c;
        } else if (at < source.size()) {
            flag.text += source[at++];
        }
    }
    flag.end = at;
    return flag;
}

/// The texts of an array that is known to be valid JSON and to hold nothing else: begin and end of
/// each, quotes included.
std::vector<Slice> texts_of(std::string_view array) {
    std::vector<Slice> slices;
    for (std::size_t at = 0; at < array.size(); ++at) {
        if (array[at] != '"') {
            continue;
        }
        const std::size_t begin = at++;
        while (array[at] != '"') {
            at += array[at] == '\\' ? 2U : 1U;
        }
        slices.push_back({"", begin, at + 1});
    }
    return slices;
}

}  // namespace

std::vector<Slice> split_at_blanks(std::string_view source, std::size_t limit) {
    std::vector<Slice> words;
    std::size_t begin = source.find_first_not_of(k_blanks);
    while (begin != std::string_view::npos && words.size() < limit) {
        const std::size_t end = std::min(source.find_first_of(k_blanks, begin), source.size());
        words.push_back({std::string(source.substr(begin, end - begin)), begin, end});
        begin = source.find_first_not_of(k_blanks, end);
    }
    return words;
}

std::vector<Slice> split_quoted(std::string_view source, char escape) {
    std::vector<Slice> words;
    Slice word;
    char quote = '\0';
    const auto finish = [&](std::size_t end) {
        if (!word.text.empty()) {
            word.end = end;
            words.push_back(word);
        }
        word = {};
    };
    for (std::size_t at = 0; at < source.size();) {
        const CodePoint next = code_point_at(source, at);
        const char c = source[at];
        if (quote == '\0' && is_space(next.value)) {
            finish(at);
            at += next.length;
            continue;
        }
        if (word.text.empty()) {
            word.begin = at;
        }
        // Nothing can be escaped between single quotes; an escape at the very end is dropped.
        if (c == escape && quote != '\'') {
            if (at + 1 == source.size()) {
                break;
            }
            word.text += c;
            ++at;
            const std::size_t length = code_point_at(source, at).length;
            word.text += source.substr(at, length);
            at += length;
            continue;
        }
        if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        }
        word.text += source.substr(at, next.length);
        at += next.length;
    }
    finish(source.size());
    return words;
}

FlagWords split_flags(std::string_view source) {
    FlagWords result;
    std::size_t at = 0;
    while (true) {
        while (at < source.size() && is_space(static_cast<unsigned char>(source[at]))) {
            ++at;
        }
        if (!source.substr(at).starts_with("--")) {
            break;
        }
        Slice flag = read_flag(source, at);
        at = flag.end;
        if (flag.text == "--") {
            break;
        }
        result.flags.push_back(std::move(flag));
    }
    result.end = at;
    return result;
}

JsonWords split_json(std::string_view source) {
    JsonWords result;
    const std::string_view array = trim_left(source);
    if (!array.starts_with('[')) {
        return result;
    }
    const auto value = json::parse(array, "the argument");
    if (!value || !value->is_array()) {
        return result;
    }
    const std::size_t offset = source.size() - array.size();
    const json::Array& elements = value->get_array();
    const bool all_texts = std::all_of(elements.begin(), elements.end(), [](const auto& element) {
        return element.is_string();
    });
    if (!all_texts) {
        result.kind = JsonWords::Kind::other_values;
        result.culprit = {std::string(array), offset, source.size()};
        return result;
    }
    result.kind = JsonWords::Kind::texts;
    result.words = texts_of(array);
    for (std::size_t i = 0; i < result.words.size(); ++i) {
        result.words[i].text = std::string(elements[i].get_string());
        result.words[i].begin += offset;
        result.words[i].end += offset;
    }
    return result;
}

}  // namespace kiln::dockerfile
