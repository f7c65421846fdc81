#include "tests/support/source_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <utility>

namespace kiln::testing {
namespace {

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// One past the literal or comment that begins at `at`; `at` itself when none does.
std::size_t end_of_quiet(std::string_view text, std::size_t at) {
    const std::string_view rest = text.substr(at);
    const auto until = [&](std::string_view end, std::size_t skip) {
        const std::size_t found = rest.find(end, skip);
        return found == std::string_view::npos ? text.size() : at + found + end.size();
    };
    if (rest.starts_with("//")) {
        return std::min(until("\n", 2), text.size()) - (rest.find('\n') < rest.size() ? 1 : 0);
    }
    if (rest.starts_with("/*")) {
        return until("*/", 2);
    }
    const bool fresh = at == 0 || !is_word(text[at - 1]);
    if (fresh && rest.starts_with("R\"")) {
        const std::string_view tag = rest.substr(2, rest.find('(') - 2);
        return until(fmt::format("){}\"", tag), 2);
    }
    // A quote inside a number separates digits.
    if (rest.front() == '"' || (rest.front() == '\'' && fresh)) {
        std::size_t end = 1;
        while (end < rest.size() && rest[end] != rest.front() && rest[end] != '\n') {
            end += rest[end] == '\\' ? 2U : 1U;
        }
        return std::min(at + end + 1, text.size());
    }
    return at;
}

/// Parameters before the brace, and no value that they belong to.
bool is_function_head(std::string_view head) {
    const std::size_t parameters = head.find('(');
    const bool is_value = head.substr(0, parameters).find('=') != std::string_view::npos
                          && head.find("operator") == std::string_view::npos;
    return parameters != std::string_view::npos && !is_value;
}

std::string collapsed(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
        if (!space) {
            result += c;
        } else if (!result.empty() && result.back() != ' ') {
            result += ' ';
        }
    }
    return result;
}

/// Blanks the directives of the preprocessor too: their braces need not match.
std::string without_directives(std::string_view code) {
    std::string result(code);
    bool directive = false;
    std::size_t begin = 0;
    while (begin < result.size()) {
        const std::size_t end = std::min(result.find('\n', begin), result.size());
        const std::size_t first = result.find_first_not_of(" \t", begin);
        directive = directive || (first < end && result[first] == '#');
        if (directive) {
            directive = end > begin && result[end - 1] == '\\';
            std::fill(
                result.begin() + static_cast<std::ptrdiff_t>(begin),
                result.begin() + static_cast<std::ptrdiff_t>(end),
                ' '
            );
        }
        begin = end + 1;
    }
    return result;
}

}  // namespace

SourceText::SourceText(std::string its_path, std::string its_text)
    : path(std::move(its_path)),
      text(std::move(its_text)),
      code(code_of(text)) {}

std::string Offence::render() const {
    return fmt::format("{}:{}: {}", path, line, what);
}

std::string code_of(std::string_view text) {
    std::string code(text);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = end_of_quiet(text, at);
        for (std::size_t i = at; i < end; ++i) {
            code[i] = text[i] == '\n' ? '\n' : ' ';
        }
        at = std::max(end, at + 1);
    }
    return code;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    return static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
}

std::vector<Include> includes_of(std::string_view text) {
    static const std::regex k_include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::vector<Include> includes;
    const auto lines = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::match_results<std::string_view::const_iterator> match;
        if (trimmed(lines[i]).starts_with('#')
            && std::regex_search(lines[i].begin(), lines[i].end(), match, k_include)) {
            includes.push_back({match[2].str(), i + 1, match[1] == "<"});
        }
    }
    return includes;
}

std::vector<FunctionBody> functions_of(std::string_view blanked) {
    const std::string code = without_directives(blanked);
    std::vector<FunctionBody> functions;
    std::size_t head = 0;    // where the declaration before the next brace begins
    std::size_t inside = 0;  // depth of braces in the current function
    for (std::size_t at = 0; at < code.size(); ++at) {
        const char c = code[at];
        if (inside > 0) {
            inside += c == '{' ? 1U : 0U;
            inside -= c == '}' ? 1U : 0U;
            if (inside == 0) {
                functions.back().last_line = line_at(code, at);
                head = at + 1;
            }
        } else if (c == '{') {
            const std::string before = collapsed(std::string_view(code).substr(head, at - head));
            if (is_function_head(before)) {
                functions.push_back({before, line_at(code, at), 0});
                inside = 1;
            }
            head = at + 1;
        } else if (c == ';' || c == '}') {
            head = at + 1;
        }
    }
    return functions;
}

}  // namespace kiln::testing
