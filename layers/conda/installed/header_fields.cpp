#include "layers/conda/installed/header_fields.hpp"

#include "store/base/text.hpp"

#include <algorithm>

namespace kiln::conda {

namespace {

bool is_same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) {
        return lower(x) == lower(y);
    });
}

}  // namespace

std::string_view HeaderReader::take_line() {
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
}

HeaderFields HeaderReader::next() {
    HeaderFields fields;
    while (!rest_.empty()) {
        const std::string_view line = take_line();
        const std::string_view content = trim(line);
        if (content.empty()) {
            if (!fields.empty()) {
                return fields;
            }
            continue;
        }
        if (line.front() == ' ' || line.front() == '\t') {
            if (!fields.empty()) {
                fields.back().value += '\n';
                fields.back().value += content;
            }
            continue;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) {
            continue;
        }
        fields.push_back({trim(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
    }
    return fields;
}

std::string_view find_field(const HeaderFields& fields, std::string_view name) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const HeaderField& field) {
        return is_same_name(field.name, name);
    });
    return found == fields.end() ? std::string_view() : std::string_view(found->value);
}

}  // namespace kiln::conda
