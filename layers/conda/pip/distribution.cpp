#include "layers/conda/pip/distribution.hpp"

#include <algorithm>
#include <array>

namespace kiln::conda {
namespace {

constexpr std::array<std::string_view, 5> k_source_endings = {
    ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz"};
constexpr std::string_view k_wheel = ".whl";

bool is_plain(std::string_view text) {
    return !text.empty() && text.front() != '.' && text.front() != '-'
           && std::all_of(text.begin(), text.end(), [](char letter) {
                  constexpr std::string_view k_marks = "._-+!";
                  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')
                         || (letter >= '0' && letter <= '9')
                         || k_marks.find(letter) != std::string_view::npos;
              });
}

std::optional<DistributionFile> parse_wheel(std::string_view stem) {
    // name-version(-build)?-python-abi-platform
    const auto dashes = std::count(stem.begin(), stem.end(), '-');
    if (dashes != 4 && dashes != 5) {
        return std::nullopt;
    }
    const std::size_t name = stem.find('-');
    const std::size_t version = stem.find('-', name + 1);
    return DistributionFile{
        .is_wheel = true,
        .name = normalized_distribution(stem.substr(0, name)),
        .version = std::string(stem.substr(name + 1, version - name - 1))};
}

std::optional<unsigned> hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') {
        return static_cast<unsigned>(letter - '0');
    }
    const char lower = static_cast<char>(letter | 0x20);
    return lower >= 'a' && lower <= 'f' ? std::optional(static_cast<unsigned>(lower - 'a' + 10))
                                        : std::nullopt;
}

}  // namespace

std::string normalized_distribution(std::string_view name) {
    std::string normal;
    for (const char letter : name) {
        const bool mark = letter == '-' || letter == '_' || letter == '.';
        if (mark && normal.ends_with('-')) {
            continue;
        }
        const bool upper = letter >= 'A' && letter <= 'Z';
        normal += mark ? '-' : upper ? static_cast<char>(letter + 32) : letter;
    }
    return normal;
}

std::optional<DistributionFile> parse_distribution_file(std::string_view file_name) {
    if (!is_plain(file_name)) {
        return std::nullopt;
    }
    if (file_name.ends_with(k_wheel)) {
        return parse_wheel(file_name.substr(0, file_name.size() - k_wheel.size()));
    }
    for (const std::string_view ending : k_source_endings) {
        if (!file_name.ends_with(ending) || file_name.size() == ending.size()) {
            continue;
        }
        const std::string_view stem = file_name.substr(0, file_name.size() - ending.size());
        DistributionFile file;
        const std::size_t dash = stem.rfind('-');
        if (dash != std::string_view::npos && dash > 0 && dash + 1 < stem.size()) {
            file.name = normalized_distribution(stem.substr(0, dash));
            file.version = stem.substr(dash + 1);
        }
        return file;
    }
    return std::nullopt;
}

std::string distribution_file_name(std::string_view location) {
    location = location.substr(0, location.find_first_of("#?"));
    return percent_decoded(location.substr(location.rfind('/') + 1));
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto high =
            text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
        const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
        if (low) {
            decoded += static_cast<char>(*high << 4U | *low);
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

}  // namespace kiln::conda
