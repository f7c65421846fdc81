#include "layers/conda/spec/match_spec_parser.hpp"

#include "layers/conda/spec/version_spec_parser.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::string_view k_after_name = " \t\r\n=<>!~(,|^";

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
           || std::string_view("._-+*").find(c) != std::string_view::npos;
}

bool has_package_ending(std::string_view text) {
    return text.ends_with(".conda") || text.ends_with(".tar.bz2");
}

/// `foo==1.conda` is none: a file has no operators in its name.
bool is_package_file(std::string_view text) {
    const std::string_view file = text.substr(text.find_last_of("/\\") + 1);
    return has_package_ending(text) && file.find_first_of(" \t=<>!~,|()^") == std::string_view::npos
           && file.find("::") == std::string_view::npos;
}

bool is_windows_path(std::string_view text) {
    const bool letter = !text.empty() && lower_case(text.substr(0, 1)) >= "a"
                        && lower_case(text.substr(0, 1)) <= "z";
    return letter && text.size() > 2 && text[1] == ':' && (text[2] == '\\' || text[2] == '/');
}

/// A path as the URL that a record of it has; a relative one stays as it is, for its reader.
std::string package_url(std::string_view text) {
    if (is_windows_path(text)) {
        std::string url = "file:///" + std::string(text);
        std::replace(url.begin(), url.end(), '\\', '/');
        return url;
    }
    return (text.starts_with('/') ? "file://" : "") + std::string(text);
}

bool has_operator(std::string_view version) {
    return version.find_first_of("=<>!~,|()^") != std::string_view::npos;
}

}  // namespace

MatchSpecParser::Part MatchSpecParser::Part::part(std::size_t from, std::size_t to) const {
    return {text.substr(from, to - from), begin + from};
}

MatchSpecParser::Part MatchSpecParser::trimmed(Part part) {
    const std::size_t from = std::min(part.text.find_first_not_of(k_blanks), part.text.size());
    const std::size_t to = part.text.find_last_not_of(k_blanks);
    return part.part(from, to == std::string_view::npos ? from : to + 1);
}

Result<MatchSpec> MatchSpecParser::parse_whole() {
    if (text_.size() > k_match_spec_bytes) {
        return refuse(
            Code::too_large,
            fmt::format("a package specification has at most {} bytes", k_match_spec_bytes),
            {0, text_.size()}
        );
    }
    const auto is_control = [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\r' && c != '\n')
               || c == '\x7f';
    };
    const auto* const control = std::find_if(text_.begin(), text_.end(), is_control);
    if (control != text_.end()) {
        const auto at = static_cast<std::size_t>(control - text_.begin());
        return refuse_spec("it has a control character", {at, at + 1});
    }
    const Part whole{text_, 0};
    const std::size_t opens = bracket_begin(text_);
    Part front = whole.part(0, opens);
    if (form_ == SpecForm::user) {
        const std::size_t comment = comment_begin(front.text);
        if (comment < front.text.size()) {
            TRY(parse_front(trimmed(front.part(0, comment))));
            return std::move(spec_);
        }
    }
    TRY(parse_front(trimmed(front)));
    if (opens == text_.size()) {
        return std::move(spec_);
    }
    TRY_ASSIGN(const Brackets brackets, parse_brackets(text_, opens));
    const Part after = trimmed(whole.part(brackets.end, text_.size()));
    if (!after.text.empty() && !(form_ == SpecForm::user && after.text.starts_with('#'))) {
        return refuse_spec(
            "something follows the brackets",
            after.columns(),
            "all keys stand in one pair of brackets"
        );
    }
    // The subdir of `channel=a/linux-64` yields to subdir=, wherever that stands.
    for (const bool channels : {true, false}) {
        for (const BracketPair& pair : brackets.pairs) {
            if ((pair.key == "channel") == channels) {
                TRY(apply(pair));
            }
        }
    }
    std::sort(spec_.fields_.begin(), spec_.fields_.end(), [](const auto& left, const auto& right) {
        return left.field < right.field;
    });
    return std::move(spec_);
}

/// The first bracket that belongs to no regex, or the end.
std::size_t MatchSpecParser::bracket_begin(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && text[at] != '[') {
        at += text[at] == '^' ? regex_end(text.substr(at)) : 1;
    }
    return at;
}

std::size_t MatchSpecParser::comment_begin(std::string_view text) {
    std::size_t at = text.find('#');
    while (at != std::string_view::npos && at > 0
           && k_blanks.find(text[at - 1]) == std::string_view::npos) {
        at = text.find('#', at + 1);
    }
    return std::min(at, text.size());
}

Result<void> MatchSpecParser::parse_front(Part front) {
    if (form_ == SpecForm::user && is_package_file(front.text)) {
        return parse_package_file(front);
    }
    TRY_ASSIGN(Part rest, parse_channel_prefix(front));
    rest = trimmed(rest);
    const std::size_t name_end =
        rest.text.starts_with('^')
            ? regex_end(rest.text)
            : std::min(rest.text.find_first_of(k_after_name), rest.text.size());
    TRY(parse_name(rest.part(0, name_end)));
    return parse_version_and_build(rest.part(name_end, rest.text.size()));
}

/// cep-29, appendix C: the file name says name, version and build.
Result<void> MatchSpecParser::parse_package_file(Part front) {
    const std::size_t slash = front.text.find_last_of("/\\");
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    std::string_view dist = front.text.substr(begin);
    dist.remove_suffix(dist.ends_with(".conda") ? 6 : 8);
    const std::size_t last = dist.rfind('-');
    const std::size_t middle =
        last == 0 || last == std::string_view::npos ? last : dist.rfind('-', last - 1);
    if (last == std::string_view::npos || middle == std::string_view::npos || middle == 0) {
        return refuse_spec(
            "the file is not called NAME-VERSION-BUILD",
            front.part(begin, front.text.size()).columns()
        );
    }
    TRY(parse_name(front.part(begin, begin + middle)));
    const Part version = front.part(begin + middle + 1, begin + last);
    TRY(set_version("==" + std::string(version.text), version.begin - 2));
    const Part build = front.part(begin + last + 1, begin + dist.size());
    TRY(set_build(build.text, build.columns()));
    return set_field(SpecField::url, package_url(front.text), front.columns());
}

/// Takes `channel/subdir:namespace:` or a part of it; the namespace means nothing.
Result<MatchSpecParser::Part> MatchSpecParser::parse_channel_prefix(Part front) {
    const std::string_view text = front.text.substr(0, front.text.find('^'));
    const std::size_t colons = text.rfind("::");
    if (colons != std::string_view::npos) {
        const Part channel = front.part(0, colons);
        TRY(set_channel(channel.text, channel.columns()));
        return front.part(colons + 2, front.text.size());
    }
    const std::string_view head = text.substr(0, text.find_first_of(" \t\r\n=<>!"));
    const std::size_t colon = head.rfind(':');
    if (colon == std::string_view::npos) {
        return front;
    }
    const std::size_t before = colon == 0 ? std::string_view::npos : head.rfind(':', colon - 1);
    const std::size_t name_space = before == std::string_view::npos ? 0 : before + 1;
    if (head.substr(name_space, colon - name_space).find('/') != std::string_view::npos) {
        return refuse_spec(
            "one colon parts a namespace from a name",
            front.part(colon, colon + 1).columns(),
            "write channel::name"
        );
    }
    if (before != std::string_view::npos) {
        const Part channel = front.part(0, before);
        TRY(set_channel(channel.text, channel.columns()));
    }
    return front.part(colon + 1, front.text.size());
}

Result<void> MatchSpecParser::parse_name(Part name) {
    if (name.text.empty()) {
        return refuse_spec(
            "a name is missing",
            {name.begin, std::min(name.begin + 1, text_.size())},
            "* stands for any name"
        );
    }
    const bool regex = name.text.front() == '^';
    const std::string folded = regex ? std::string(name.text) : lower_case(name.text);
    if (has_package_ending(folded)) {
        return refuse_spec(
            fmt::format("{} names a file, not a package", quoted(name.text)),
            name.columns(),
            "a file stands alone: NAME-VERSION-BUILD.conda"
        );
    }
    const bool good = regex ? name.text.size() > 1 && name.text.back() == '$'
                            : std::all_of(folded.begin(), folded.end(), is_name_character);
    if (!good) {
        return refuse_spec(
            fmt::format("{} is no package name", quoted(name.text)),
            name.columns(),
            "names are of letters, digits, '.', '_' and '-'"
        );
    }
    TRY(StringPattern::parse(folded)
            .map([&](StringPattern pattern) { spec_.name_ = std::move(pattern); })
            .map_error([&](Error error) { return shifted(std::move(error), name.begin); }));
    return {};
}

/// cep-29, "Version expression parsing": `name=1.8` is fuzzy, `name=1.8=build` is not.
Result<void> MatchSpecParser::parse_version_and_build(Part rest) {
    if (rest.text.empty()) {
        return {};
    }
    const std::size_t end = version_expression_end(rest.text);
    Part version = rest.part(0, end);
    Part build = rest.part(end, rest.text.size());
    if (build.text.starts_with('=')) {
        build = build.part(1, build.text.size());
        if (build.text.empty()) {
            return refuse_spec("a build is missing", {build.begin - 1, build.begin});
        }
    }
    build = trimmed(build);
    if (!build.text.empty()) {
        const bool attached = version.text.starts_with('=');
        if (attached && !has_operator(version.text.substr(1))) {
            version = version.part(1, version.text.size());
        }
        TRY(set_build(build.text, build.columns()));
    }
    return set_version(version.text, version.begin);
}

Result<void> MatchSpecParser::set_version(std::string_view text, std::size_t begin) {
    // cep-29 lists `pkg ==1.8.* *` with `pkg=1.8`, other than `==1.8.*` within an expression.
    const Part trimmed_text = trimmed({text, begin});
    text = trimmed_text.text;
    begin = trimmed_text.begin;
    if (text.starts_with("==") && text.ends_with('*') && !has_operator(text.substr(2))) {
        text.remove_prefix(2);
        begin += 2;
    }
    TRY(VersionSpec::parse(text)
            .map([&](VersionSpec version) { spec_.version_ = std::move(version); })
            .map_error([&](Error error) { return shifted(std::move(error), begin); }));
    return {};
}

tl::unexpected<Error> MatchSpecParser::refuse_spec(
    std::string_view reason, Columns where, std::string hint
) const {
    return refuse(
        Code::invalid_input,
        fmt::format("{} is not a package specification: {}", quoted(text_), reason),
        where,
        std::move(hint)
    );
}

}  // namespace kiln::conda
