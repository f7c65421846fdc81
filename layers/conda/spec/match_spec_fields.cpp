#include "layers/conda/spec/match_spec_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace kiln::conda {

namespace {

// cep-26 says what a subdir looks like; only known ones can be told from a part of a channel.
constexpr std::array<std::string_view, 22> k_subdirs{
    "emscripten-wasm32",
    "freebsd-64",
    "linux-32",
    "linux-64",
    "linux-aarch64",
    "linux-armv6l",
    "linux-armv7l",
    "linux-ppc64",
    "linux-ppc64le",
    "linux-riscv32",
    "linux-riscv64",
    "linux-s390x",
    "linux-loongarch64",
    "noarch",
    "osx-64",
    "osx-arm64",
    "wasi-wasm32",
    "win-32",
    "win-64",
    "win-arm64",
    "zos-z",
    "freebsd-arm64",
};

bool is_lower_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_letter_or_digit(char c) {
    return is_lower_word(c) || (c >= 'A' && c <= 'Z');
}

bool is_build(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_letter_or_digit(c) || c == '.' || c == '+' || c == '*';
    });
}

bool is_channel(std::string_view text) {
    return !text.empty() && text.find("::") == std::string_view::npos
           && std::all_of(text.begin(), text.end(), [](char c) {
                  return is_letter_or_digit(c)
                         || std::string_view("-./:~%@+*, ?&").find(c) != std::string_view::npos;
              });
}

/// cep-44: a group is named exactly.
bool is_extra(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return is_lower_word(c) || c == '.' || c == '+' || c == '-';
    });
}

/// cep-45: `^[a-z0-9_\*]+(:[a-z0-9_\*]+)?$`.
bool is_flag(std::string_view text) {
    const std::size_t colon = text.find(':');
    const auto is_half = [](std::string_view half) {
        return !half.empty() && std::all_of(half.begin(), half.end(), [](char c) {
            return is_lower_word(c) || c == '*';
        });
    };
    return is_half(text.substr(0, colon))
           && (colon == std::string_view::npos || is_half(text.substr(colon + 1)));
}

bool is_regex(std::string_view text) {
    return text.size() >= 2 && text.front() == '^' && text.back() == '$';
}

bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

bool is_number(SpecField field) {
    return field == SpecField::build_number || field == SpecField::size
           || field == SpecField::timestamp;
}

/// What is a name and not a place keeps its case.
bool keeps_case(SpecField field) {
    return field == SpecField::channel || field == SpecField::url || field == SpecField::file_name
           || field == SpecField::license || field == SpecField::license_family;
}

/// `>=6`; a bare number is an equality.
std::optional<NumberComparison> parse_comparison(std::string_view text) {
    using Kind = NumberComparison::Kind;

    struct Row {
        std::string_view symbol;
        Kind kind;
    };

    constexpr std::array k_rows{
        Row{">=", Kind::greater_equal},
        Row{"<=", Kind::less_equal},
        Row{"==", Kind::equal},
        Row{"!=", Kind::not_equal},
        Row{">", Kind::greater},
        Row{"<", Kind::less},
        Row{"=", Kind::equal},
        Row{"", Kind::equal},
    };
    const auto* const row = std::find_if(k_rows.begin(), k_rows.end(), [&](const Row& candidate) {
        return text.starts_with(candidate.symbol);
    });
    text.remove_prefix(row->symbol.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    NumberComparison comparison{.kind = row->kind};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, comparison.number);
    if (error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return comparison;
}

}  // namespace

bool is_known_subdir(std::string_view text) {
    return std::find(k_subdirs.begin(), k_subdirs.end(), text) != k_subdirs.end();
}

Result<void> MatchSpecParser::apply(const BracketPair& pair) {
    if (pair.key == "extras" || pair.key == "flags") {
        return pair.key == "extras" ? set_extras(pair) : set_flags(pair);
    }
    if (pair.is_list) {
        return refuse_spec(
            fmt::format("{} takes one value", pair.key),
            pair.value_columns,
            "lists are for extras and flags"
        );
    }
    const std::string& value = pair.values.front();
    if (pair.key == "name" || pair.key == "namespace") {
        return {};  // cep-29: the name in front stands; a namespace is read and ignored
    }
    if (pair.key == "version") {
        return set_version(value, pair.value_columns.begin + (pair.is_quoted ? 1 : 0));
    }
    if (pair.key == "build") {
        return set_build(value, pair.value_columns);
    }
    if (pair.key == "channel") {
        return set_channel(value, pair.value_columns);
    }
    if (pair.key == "when") {
        return set_when(pair);
    }
    const std::optional<SpecField> field = field_of(pair.key);
    if (!field) {
        return refuse(
            Code::unsupported,
            fmt::format(
                "{} asks for {}, which no package record has", quoted(text_), quoted(pair.key)
            ),
            pair.key_columns,
            "keys are version, build, build_number, channel, subdir, fn, url, md5, sha256, "
            "license, "
            "license_family, track_features, features, size, timestamp, noarch, when, extras, flags"
        );
    }
    return set_field(*field, value, pair.value_columns);
}

Result<void> MatchSpecParser::set_build(std::string_view text, Columns where) {
    if (text.empty() || (!is_regex(text) && !is_build(text))) {
        return refuse_spec(
            fmt::format("{} is no build", quoted(text)),
            where,
            "builds are of letters, digits, '.', '_' and '+'; conditions on a version are joined "
            "by ','"
        );
    }
    TRY_ASSIGN(
        spec_.build_, StringPattern::parse(is_regex(text) ? std::string(text) : lower_case(text))
    );
    return {};
}

Result<void> MatchSpecParser::set_channel(std::string_view text, Columns where) {
    std::string_view subdir;
    for (;;) {
        while (text.size() > 1 && text.ends_with('/')) {
            text.remove_suffix(1);
        }
        const std::size_t slash = text.rfind('/');
        if (slash == 0 || slash == std::string_view::npos
            || !is_known_subdir(text.substr(slash + 1))) {
            break;
        }
        subdir = subdir.empty() ? text.substr(slash + 1) : subdir;
        text = text.substr(0, slash);
    }
    if (!is_regex(text) && !is_channel(text)) {
        return refuse_spec(
            fmt::format("{} is no channel", quoted(text)),
            where,
            "a channel is a name, a path or a URL"
        );
    }
    TRY_ASSIGN(StringPattern channel, StringPattern::parse(text));
    put({.field = SpecField::channel, .pattern = std::move(channel)});
    return subdir.empty() ? Result<void>{} : set_field(SpecField::subdir, subdir, where);
}

Result<void> MatchSpecParser::set_field(SpecField field, std::string_view text, Columns where) {
    if (is_number(field)) {
        if (const auto comparison = parse_comparison(text)) {
            put({.field = field, .comparison = comparison});
            return {};
        }
        if (text.find_first_not_of("0123456789*") != std::string_view::npos && !is_regex(text)) {
            return refuse_spec(
                fmt::format("{} is no number", quoted(text)), where, "write 3, '>=3' or '<3'"
            );
        }
    }
    const bool folds = !keeps_case(field) && !is_regex(text);
    TRY_ASSIGN(
        StringPattern pattern, StringPattern::parse(folds ? lower_case(text) : std::string(text))
    );
    const bool digest = field == SpecField::md5 || field == SpecField::sha256;
    const std::size_t digits = field == SpecField::md5 ? 32 : 64;
    if (digest && pattern.is_exact() && !is_hex(pattern.text(), digits)) {
        return refuse_spec(
            fmt::format("{} is no {}", quoted(text), key_of(field)),
            where,
            fmt::format("it is of {} hexadecimal digits", digits)
        );
    }
    put({.field = field, .pattern = std::move(pattern)});
    return {};
}

Result<void> MatchSpecParser::set_extras(const BracketPair& pair) {
    for (const std::string& written : pair.values) {
        const std::size_t begin = std::min(written.find_first_not_of(' '), written.size());
        const std::string extra = written.substr(begin, written.find_last_not_of(' ') + 1 - begin);
        if (!is_extra(extra)) {
            return refuse_spec(
                fmt::format("{} is no group of optional dependencies", quoted(written)),
                pair.value_columns,
                "groups are named by at most 64 of a-z, 0-9, '_', '.', '+' and '-'"
            );
        }
        spec_.extras_.push_back(extra);
    }
    std::sort(spec_.extras_.begin(), spec_.extras_.end());
    const auto end = std::unique(spec_.extras_.begin(), spec_.extras_.end());
    spec_.extras_.erase(end, spec_.extras_.end());
    return {};
}

Result<void> MatchSpecParser::set_flags(const BracketPair& pair) {
    for (const std::string& flag : pair.values) {
        if (!is_flag(flag)) {
            return refuse_spec(
                fmt::format("{} is no flag", quoted(flag)),
                pair.value_columns,
                "flags are name or name:value, of a-z, 0-9, '_' and '*'"
            );
        }
        TRY_ASSIGN(StringPattern pattern, StringPattern::parse(flag));
        spec_.flags_.push_back(std::move(pattern));
    }
    const auto less = [](const StringPattern& left, const StringPattern& right) {
        return left.text() < right.text();
    };
    std::sort(spec_.flags_.begin(), spec_.flags_.end(), less);
    const auto end = std::unique(spec_.flags_.begin(), spec_.flags_.end());
    spec_.flags_.erase(end, spec_.flags_.end());
    return {};
}

Result<void> MatchSpecParser::set_when(const BracketPair& pair) {
    if (!pair.is_quoted) {
        return refuse_spec("the condition after when= must be quoted", pair.value_columns);
    }
    const std::size_t begin = pair.value_columns.begin + 1;
    TRY(Condition::parse(pair.values.front())
            .map([&](Condition condition) { spec_.when_.push_back(std::move(condition)); })
            .map_error([&](Error error) { return shifted(std::move(error), begin); }));
    return {};
}

/// A pattern that every value matches says nothing, but takes away what stood there before.
void MatchSpecParser::put(FieldPattern pattern) {
    std::erase_if(spec_.fields_, [&](const FieldPattern& other) {
        return other.field == pattern.field;
    });
    if (pattern.comparison || !pattern.pattern.is_any()) {
        spec_.fields_.push_back(std::move(pattern));
    }
}

}  // namespace kiln::conda
