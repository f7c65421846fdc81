#include "layers/conda/pip/requirement_line.hpp"

#include "layers/conda/lockfile.hpp"
#include "layers/conda/pip/distribution.hpp"
#include "store/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace kiln::conda {
namespace {

constexpr std::string_view k_name_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

struct Option {
    std::string_view letter;  // "-f"; empty: none
    std::string_view name;    // "--find-links"
    bool takes_value = true;
    RequirementKind kind = RequirementKind::option;
};

constexpr std::array k_options = {
    Option{"-r", "--requirement", true, RequirementKind::requirements},
    Option{"-c", "--constraint", true, RequirementKind::constraints},
    Option{"-f", "--find-links", true, RequirementKind::find_links},
    Option{"-i", "--index-url"},
    Option{"", "--pypi-url"},
    Option{"", "--extra-index-url"},
    Option{"", "--trusted-host"},
    Option{"", "--no-binary"},
    Option{"", "--only-binary"},
    Option{"", "--no-index", false},
    Option{"", "--pre", false},
    Option{"", "--prefer-binary", false},
    Option{"", "--require-hashes", false},
};

std::string_view without_comment(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '#' && (i == 0 || k_blanks.find(line[i - 1]) != std::string_view::npos)) {
            return line.substr(0, i);
        }
    }
    return line;
}

bool is_version_control(std::string_view text) {
    const std::size_t plus = text.find('+');
    const std::string_view scheme = text.substr(0, plus);
    return plus != std::string_view::npos && text.find("://") != std::string_view::npos
           && text.find("://") > plus
           && (scheme == "git" || scheme == "hg" || scheme == "svn" || scheme == "bzr");
}

bool is_remote(std::string_view text) {
    return text.starts_with("https://") || text.starts_with("http://");
}

Error refusal(Code code, const Span& span, std::string message, std::string hint = {}) {
    return Error{
        .code = code, .message = std::move(message), .where = span, .hint = std::move(hint)};
}

/// The words of a line as a shell would part them, quotes taken off.
Result<std::vector<std::string>> words_of(std::string_view line, const Span& span) {
    std::vector<std::string> words;
    std::optional<std::string> word;
    char quote = '\0';
    for (const char letter : line) {
        if (quote != '\0') {
            if (letter == quote) {
                quote = '\0';
            } else {
                *word += letter;
            }
        } else if (letter == '\'' || letter == '"') {
            quote = letter;
            word = word.value_or("");
        } else if (k_blanks.find(letter) != std::string_view::npos) {
            if (word) {
                words.push_back(std::move(*word));
                word.reset();
            }
        } else {
            word = word.value_or("") + letter;
        }
    }
    if (quote != '\0') {
        return fail(refusal(Code::invalid_input, span, "a quote is not closed"));
    }
    if (word) {
        words.push_back(std::move(*word));
    }
    return words;
}

struct ReadOption {
    const Option* option = nullptr;
    std::optional<std::string> value;
};

/// "-f" and "-fDIR", "--find-links" and "--find-links=DIR".
ReadOption read_option(const std::string& word) {
    for (const Option& each : k_options) {
        if (word == each.name || (!each.letter.empty() && word == each.letter)) {
            return {&each, std::nullopt};
        }
        if (word.starts_with(std::string(each.name) + "=")) {
            return {&each, word.substr(each.name.size() + 1)};
        }
        if (!each.letter.empty() && !word.starts_with("--") && word.starts_with(each.letter)) {
            return {&each, word.substr(each.letter.size())};
        }
    }
    return {};
}

Result<std::vector<Requirement>> parse_options(std::string_view line, const Span& span) {
    TRY_ASSIGN(const std::vector<std::string> words, words_of(line, span));
    std::vector<Requirement> parts;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "-e" || word.starts_with("--editable") || word.starts_with("-e")) {
            return fail(refusal(
                Code::unsupported,
                span,
                fmt::format("\"{}\" cannot be locked: its directory may change", trim(line)),
                "build a wheel of it (pip wheel --no-deps DIRECTORY) and name that, or COPY the "
                "sources and install them by a RUN step"
            ));
        }
        auto [option, value] = read_option(word);
        if (option == nullptr) {
            return fail(refusal(
                Code::unsupported,
                span,
                fmt::format("\"{}\" of pip is not supported here", word),
                "indexes, --find-links, -r, -c, --pre, --no-binary and --only-binary are"
            ));
        }
        if (option->takes_value && !value && ++i < words.size()) {
            value = words[i];
        }
        if (option->takes_value != value.has_value() || (value && value->empty())) {
            return fail(refusal(
                Code::invalid_input,
                span,
                option->takes_value ? fmt::format("{} without a value", option->name)
                                    : fmt::format("{} takes no value", option->name)
            ));
        }
        const bool remote = value && is_remote(*value);
        Requirement& part = parts.emplace_back();
        part.kind = remote ? RequirementKind::option : option->kind;
        part.before = std::string(option->name) + (value ? " " : "");
        part.value = value.value_or("");
        part.span = span;
    }
    return parts;
}

/// Where the place of "PLACE[extra] ; marker --hash=…" ends.
std::size_t end_of_place(std::string_view text) {
    const std::size_t blank = std::min(text.find_first_of(k_blanks), text.size());
    const std::string_view place = text.substr(0, blank);
    const std::size_t extras = place.ends_with(']') ? place.rfind('[') : std::string_view::npos;
    return std::min(blank, extras);
}

Result<Requirement> parse_package(std::string_view line, const Span& span) {
    Requirement part{.span = span};
    const std::size_t name_end = std::min(line.find_first_not_of(k_name_letters), line.size());
    const std::size_t at = line.find('@');
    std::string_view place = line;
    // "name[extra] @ URL": only names and extras stand before the sign.
    const bool named = name_end > 0 && at != std::string_view::npos
                       && line.substr(0, at).find_first_of(":/;") == std::string_view::npos;
    if (named) {
        const std::size_t start = std::min(line.find_first_not_of(k_blanks, at + 1), line.size());
        part.before = trim(line.substr(0, at));
        part.before += " @ ";
        place = line.substr(start);
    }
    const std::size_t end = end_of_place(place);
    part.value = place.substr(0, end);
    part.after = place.substr(end);
    if (is_version_control(part.value)) {
        return fail(refusal(
            Code::unsupported,
            span,
            fmt::format(
                "\"{}\" cannot be locked: no hash pins it", without_credentials(part.value)
            ),
            "name an archive of one commit (https://…/archive/COMMIT.tar.gz), or a wheel"
        ));
    }
    const bool is_file_url = part.value.starts_with("file:");
    const bool is_url = part.value.find("://") != std::string::npos;
    const bool is_path = part.value.find('/') != std::string::npos || part.value.starts_with('.')
                         || part.value.ends_with(".whl");
    if (!is_file_url && (is_url || !is_path)) {
        part.value = line;
        part.before.clear();
        part.after.clear();
        return part;
    }
    if (!parse_distribution_file(distribution_file_name(part.value))) {
        return fail(refusal(
            Code::unsupported,
            span,
            fmt::format("\"{}\" is neither a wheel nor an archive of sources", part.value),
            "a directory of sources may change; build a wheel of it: pip wheel --no-deps DIRECTORY"
        ));
    }
    part.kind = RequirementKind::file;
    return part;
}

}  // namespace

Result<std::vector<Requirement>> parse_requirement_line(const Written& written) {
    const std::string_view line = trim(without_comment(written.text));
    std::vector<Requirement> parts;
    if (line.empty()) {
        return parts;
    }
    if (line.find("${") != std::string_view::npos) {
        return fail(refusal(
            Code::unsupported,
            written.span,
            "variables of the environment are not put into what pip is told",
            "write the value; credentials of an index are no part of a lock"
        ));
    }
    if (line.find('\n') != std::string_view::npos || line.find('\0') != std::string_view::npos) {
        return fail(refusal(Code::invalid_input, written.span, "a requirement is one line"));
    }
    if (line.starts_with('-')) {
        return parse_options(line, written.span);
    }
    TRY_ASSIGN(parts.emplace_back(), parse_package(line, written.span));
    return parts;
}

std::string replace_logins(
    std::string_view text, const std::function<std::string(std::string_view login)>& stand_in
) {
    constexpr std::string_view k_scheme = "://";
    std::string replaced;
    while (!text.empty()) {
        const std::size_t scheme = text.find(k_scheme);
        if (scheme == std::string_view::npos) {
            return replaced.append(text);
        }
        const std::size_t host = scheme + k_scheme.size();
        replaced.append(text.substr(0, host));
        text.remove_prefix(host);
        const std::size_t end = std::min(text.find_first_of("/ \t\n"), text.size());
        if (const std::size_t at = text.substr(0, end).rfind('@'); at != std::string_view::npos) {
            replaced += stand_in(text.substr(0, at));
            text.remove_prefix(at + 1);
        }
    }
    return replaced;
}

std::string public_requirement(std::string_view line) {
    return replace_logins(line, [](std::string_view /*login*/) { return std::string(); });
}

std::vector<Written> requirement_lines(std::string_view text, const std::string& file) {
    std::vector<Written> lines;
    std::uint32_t number = 0;
    std::string joined;
    std::uint32_t first = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        first = joined.empty() ? number : first;
        line = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
        if (line.ends_with('\\')) {
            joined += line.substr(0, line.size() - 1);
            joined += ' ';
            continue;
        }
        joined += line;
        Span span;
        span.file = file;
        span.line = first;
        span.column = 1;
        span.end_column = static_cast<std::uint32_t>(line.size() + 1);
        lines.push_back({std::exchange(joined, {}), std::move(span)});
    }
    if (!joined.empty()) {
        lines.push_back({std::move(joined), Span{file, first, 1, 1}});
    }
    return lines;
}

}  // namespace kiln::conda
