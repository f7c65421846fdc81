#include "layers/conda/spec/string_pattern.hpp"

#include <algorithm>

namespace kiln::conda {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(char left, char right) {
    return left == right || lower(left) == lower(right);
}

bool equal(std::string_view left, std::string_view right) {
    return left.size() == right.size()
           && (left == right || std::equal(left.begin(), left.end(), right.begin(), same));
}

/// Greedy with one place to return to: only the last `*` ever has to take more.
bool glob_matches(std::string_view glob, std::string_view value) {
    std::size_t g = 0;
    std::size_t v = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_end = 0;  // what the last star has taken ends here
    while (v < value.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            star_end = v;
        } else if (g < glob.size() && same(glob[g], value[v])) {
            ++g;
            ++v;
        } else if (star != std::string_view::npos) {
            g = star + 1;
            v = ++star_end;
        } else {
            return false;
        }
    }
    return glob.find_first_not_of('*', g) == std::string_view::npos;
}

}  // namespace

Result<StringPattern> StringPattern::parse(std::string_view text) {
    StringPattern pattern;
    if (text.size() >= 2 && text.front() == '^' && text.back() == '$') {
        pattern.kind_ = Kind::regex;
        pattern.text_ = text;
        TRY_ASSIGN(Regex regex, Regex::parse(text));
        pattern.regex_.push_back(std::move(regex));
        return pattern;
    }
    pattern.text_.clear();
    for (const char c : text) {
        if (c != '*' || pattern.text_.empty() || pattern.text_.back() != '*') {
            pattern.text_ += c;
        }
    }
    if (pattern.text_ == "*") {
        pattern.kind_ = Kind::any;
    } else {
        pattern.kind_ = pattern.text_.find('*') == std::string::npos ? Kind::exact : Kind::glob;
    }
    return pattern;
}

bool StringPattern::matches(std::string_view value) const {
    switch (kind_) {
        case Kind::any:
            return true;
        case Kind::exact:
            return equal(text_, value);
        case Kind::glob:
            return glob_matches(text_, value);
        case Kind::regex:
            return regex_.front().found_in(value);
    }
    return false;
}

bool operator==(const StringPattern& left, const StringPattern& right) {
    return left.kind_ == right.kind_
           && (left.kind_ == StringPattern::Kind::regex ? left.text_ == right.text_
                                                        : equal(left.text_, right.text_));
}

std::size_t regex_end(std::string_view text) {
    constexpr std::string_view k_after = " \t\r\n,|)=<>!~[";
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
        if (text[i] == '$' && text[i - 1] != '\\'
            && k_after.find(text[i + 1]) != std::string_view::npos) {
            return i + 1;
        }
    }
    return text.size();
}

std::string lower_case(std::string_view text) {
    std::string lowered(text);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
    return lowered;
}

}  // namespace kiln::conda
