#include "layers/oci/rebase_history.hpp"

#include "layers/oci/rebase_value.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace kiln::oci {

namespace {

constexpr std::string_view k_shell = "/bin/sh -c ";
constexpr std::string_view k_no_command = "#(nop)";
constexpr std::string_view k_buildkit = "# buildkit";
constexpr std::string_view k_ours = "kiln";
constexpr std::array<std::string_view, 18> k_keywords{
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "LABEL",
    "ONBUILD",
    "HEALTHCHECK",
    "MAINTAINER",
    "RUN",
    "STOPSIGNAL",
    "SHELL",
    "USER",
    "VOLUME",
    "WORKDIR"};

std::string upper(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    return out;
}

bool is_name_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// "|2 A=1 B=2 /bin/sh -c make": build arguments before a command.
bool has_arguments(std::string_view text) {
    return text.size() > 1 && text.front() == '|' && text[1] >= '0' && text[1] <= '9';
}

std::optional<unsigned> port_of(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(port)
                                                                    : std::nullopt;
}

/// "8000" in "8000-8010"; both may end in "/udp".
bool is_in_range(std::string_view range, std::string_view port) {
    const std::size_t slash = std::min(port.find('/'), port.size());
    const std::string_view protocol = port.substr(slash);
    if (!range.ends_with(protocol)) {
        return false;
    }
    range.remove_suffix(protocol.size());
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) {
        return false;
    }
    const auto first = port_of(range.substr(0, dash));
    const auto last = port_of(range.substr(dash + 1));
    const auto wanted = port_of(port.substr(0, slash));
    return first && last && wanted && *first <= *wanted && *wanted <= *last;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
        if (end > 0) {
            words.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

}  // namespace

std::span<const HistoryEntry> own_history(const ImageConfig& image, const ImageConfig& base) {
    const std::span<const HistoryEntry> all = image.history;
    if (base.history.size() <= all.size()
        && std::equal(base.history.begin(), base.history.end(), all.begin())) {
        return all.subspan(base.history.size());
    }
    std::size_t layers = 0;
    std::size_t entry = 0;
    while (entry < all.size() && layers < base.diff_ids.size()) {
        layers += all[entry].empty_layer ? 0U : 1U;
        ++entry;
    }
    return all.subspan(entry);
}

std::vector<OwnStep> own_steps(const ImageConfig& image, const ImageConfig& base) {
    std::vector<OwnStep> steps;
    for (const HistoryEntry& entry : own_history(image, base)) {
        steps.emplace_back(entry);
    }
    return steps;
}

OwnStep::OwnStep(const HistoryEntry& entry)
    : makes_layer_(!entry.empty_layer),
      is_verbatim_(entry.comment == k_ours) {
    std::string_view text = trim(entry.created_by);
    if (has_arguments(text)) {
        keyword_ = "RUN";
    } else if (text.starts_with(k_shell)) {
        const std::string_view command = trim(text.substr(k_shell.size()));
        if (command.starts_with(k_no_command)) {
            text = trim(command.substr(k_no_command.size()));
        } else {
            keyword_ = "RUN";
        }
    }
    if (text.ends_with(k_buildkit)) {
        text = trim(text.substr(0, text.size() - k_buildkit.size()));
    }
    text_ = text;
    if (keyword_.empty()) {
        const std::string first = upper(text.substr(0, text.find_first_of(" \t")));
        if (std::find(k_keywords.begin(), k_keywords.end(), first) != k_keywords.end()) {
            keyword_ = first;
        }
    }
}

LayerOrigin OwnStep::origin() const {
    const bool is_pip = is_verbatim_ && text_.starts_with("pip ");
    if (keyword_ == "RUN" || text_.starts_with("conda link scripts") || is_pip) {
        return LayerOrigin::run;
    }
    if (is_verbatim_ && text_.starts_with("conda ")) {
        return LayerOrigin::conda;
    }
    const auto words = words_of(text_);
    const bool linked = std::any_of(words.begin(), words.end(), [](std::string_view word) {
        return word == "--link" || word == "--link=true";
    });
    return keyword_ == "COPY" && linked ? LayerOrigin::copy_linked : LayerOrigin::other;
}

bool OwnStep::changes_variables() const {
    return keyword_ == "ENV" || (is_verbatim_ && text_.starts_with(k_unset));
}

std::optional<std::size_t> OwnStep::place_of(std::string_view name) const {
    const std::string_view text = text_;
    for (std::size_t at = text.find(name); at != std::string_view::npos;
         at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        const char before = at == 0 ? ' ' : text[at - 1];
        const char after = end == text.size() ? ' ' : text[end];
        const bool begins = before == ' ' || before == '\t' || before == '"' || before == '\'';
        const bool assigned =
            after == '='
            || ((after == '"' || after == '\'') && end + 1 < text.size() && text[end + 1] == '=');
        const bool old_form =
            trim(text.substr(0, at)) == keyword_ && (after == ' ' || after == '\t');
        if (begins && (assigned || old_form)) {
            return at;
        }
    }
    return std::nullopt;
}

bool OwnStep::lists(std::string_view name) const {
    constexpr std::string_view k_tcp = "/tcp";
    const std::string_view bare =
        name.ends_with(k_tcp) ? name.substr(0, name.size() - k_tcp.size()) : name;
    std::string plain = text_;  // VOLUME ["/a", "/b"] too
    std::replace_if(
        plain.begin(),
        plain.end(),
        [](char c) { return c == '"' || c == '\'' || c == ',' || c == '[' || c == ']'; },
        ' '
    );
    const auto words = words_of(plain);
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return word == name || word == bare || is_in_range(word, bare);
    });
}

std::vector<std::string> OwnStep::expanded_variables() const {
    std::vector<std::string> names;
    // What a command expands, its shell does; other builders write what came out.
    if (!is_verbatim_ || keyword_.empty() || keyword_ == "RUN" || keyword_ == "CMD"
        || keyword_ == "ENTRYPOINT" || keyword_ == "ONBUILD" || keyword_ == "HEALTHCHECK") {
        return names;
    }
    for (std::size_t at = text_.find('$'); at != std::string::npos; at = text_.find('$', at + 1)) {
        const std::size_t begin = at + (at + 1 < text_.size() && text_[at + 1] == '{' ? 2 : 1);
        std::size_t end = begin;
        while (end < text_.size() && is_name_letter(text_[end])) {
            ++end;
        }
        const bool escaped = at > 0 && text_[at - 1] == '\\';
        if (end > begin && !escaped) {
            names.push_back(text_.substr(begin, end - begin));
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

bool OwnStep::has_relative_destination() const {
    const auto words = words_of(text_);
    if (words.size() < 2) {
        return false;
    }
    std::string_view last = words.back();
    while (!last.empty() && (last.front() == '"' || last.front() == '\'' || last.front() == '[')) {
        last.remove_prefix(1);
    }
    // "COPY file:… in /srv" of the classic builder, and a heredoc's body, end in something else.
    const bool in_several_lines = text_.find('\n') != std::string::npos;
    return !last.starts_with('/') && !last.starts_with('$') && !in_several_lines;
}

bool OwnSettings::has(std::string_view keyword) const {
    return !keyword.empty() && std::any_of(steps_.begin(), steps_.end(), [&](const OwnStep& step) {
        return step.keyword() == keyword;
    });
}

std::optional<std::pair<std::size_t, std::size_t>> OwnSettings::place_of(
    std::string_view keyword, std::string_view name
) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        const auto place = steps_[i].keyword() == keyword ? steps_[i].place_of(name) : std::nullopt;
        if (place) {
            return std::pair(i, *place);
        }
    }
    return std::nullopt;
}

bool OwnSettings::lists(std::string_view keyword, std::string_view name) const {
    return std::any_of(steps_.begin(), steps_.end(), [&](const OwnStep& step) {
        return step.keyword() == keyword && step.lists(name);
    });
}

std::optional<std::vector<std::string>> OwnSettings::written_env() const {
    std::vector<std::string> instructions;
    for (const OwnStep& step : steps_) {
        if (step.changes_variables()) {
            if (!step.is_verbatim()) {
                return std::nullopt;
            }
            instructions.push_back(step.text());
        }
    }
    return instructions;
}

bool OwnSettings::may_expand(std::string_view name) const {
    bool told = false;
    for (const OwnStep& step : steps_) {
        if (step.keyword() != "ENV" || !step.sets(name)) {
            continue;
        }
        const auto expanded = step.expanded_variables();
        if (!step.is_verbatim()
            || std::find(expanded.begin(), expanded.end(), name) != expanded.end()) {
            return true;
        }
        told = true;
    }
    return !told;
}

}  // namespace kiln::oci
