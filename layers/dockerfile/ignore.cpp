#include "layers/dockerfile/ignore.hpp"

#include "layers/dockerfile/limits.hpp"
#include "layers/dockerfile/unicode.hpp"
#include "store/base/bytes.hpp"
#include "store/base/text.hpp"

#include <algorithm>

namespace kiln::dockerfile {

Result<IgnoreRules> IgnoreRules::parse(std::string_view text, std::string file) {
    if (text.size() > k_ignore_bytes) {
        return fail(
            Code::too_large,
            "{} is {}; at most {} is read",
            file,
            render_size(text.size()),
            render_size(k_ignore_bytes)
        );
    }
    text = without_byte_order_mark(text);
    IgnoreRules rules;
    std::uint32_t number = 0;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        ++number;
        if (line.starts_with('#')) {
            continue;
        }
        auto added = rules.add(line, number);
        if (!added) {
            const std::string_view written = trim(line);
            const auto column = static_cast<std::uint32_t>(written.data() - line.data()) + 1;
            const auto end = column + static_cast<std::uint32_t>(written.size());
            return fail(std::move(added).error().with_where({file, number, column, end}));
        }
    }
    return rules;
}

Result<IgnoreRules> IgnoreRules::from_patterns(const std::vector<std::string>& patterns) {
    IgnoreRules rules;
    std::uint32_t number = 0;
    for (const std::string& pattern : patterns) {
        TRY(rules.add(pattern, ++number));
    }
    return rules;
}

Result<void> IgnoreRules::add(std::string_view line_text, std::uint32_t line) {
    std::string_view text = trim(line_text);
    if (text.empty()) {
        return {};
    }
    if (rules_.size() == k_ignore_rules) {
        return fail(Code::too_large, "at most {} patterns are read", k_ignore_rules);
    }
    Rule rule{std::string(text), line, text.starts_with('!'), {}};
    if (rule.exception) {
        text = trim(text.substr(1));
        if (text.empty()) {
            return fail(Code::invalid_input, "a lone ! excludes nothing from being ignored");
        }
    }
    std::string clean = clean_path(text);
    if (clean.size() > 1 && clean.starts_with('/')) {
        clean.erase(0, 1);
    }
    TRY_ASSIGN(rule.pattern, Pattern::ignore(clean));
    rules_.push_back(std::move(rule));
    return {};
}

IgnoreRules::Verdict IgnoreRules::match(std::string_view path) const {
    // From the end, because the last rule that matches decides.
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
        if (rule->pattern.matches_path_or_parent(path)) {
            return {!rule->exception, &*rule};
        }
    }
    return {};
}

bool IgnoreRules::may_contain_exceptions(std::string_view directory) const {
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
        if (rule->exception && rule->pattern.may_match_below(directory)) {
            return true;
        }
        // It matches everything below as well, and what comes before it no longer counts.
        if (!rule->exception && rule->pattern.matches_path_or_parent(directory)) {
            return false;
        }
    }
    return true;
}

}  // namespace kiln::dockerfile
