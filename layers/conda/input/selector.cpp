#include "layers/conda/input/selector.hpp"

#include "layers/conda/input/nearest_key.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace kiln::conda {

namespace {

constexpr std::size_t k_selector_notices = 8;

/// What a slip of the finger is held against.
constexpr std::array<std::string_view, 14> k_common_names{
    "linux",
    "osx",
    "win",
    "unix",
    "linux64",
    "linux32",
    "osx64",
    "win64",
    "win32",
    "x86",
    "x86_64",
    "aarch64",
    "arm64",
    "ppc64le"};

/// "linux" and "aarch64" of "linux-aarch64".
struct Target {
    std::string_view system;
    std::string_view machine;
};

Target target_of(std::string_view platform);
std::optional<bool> truth_of(std::string_view name, const Target& target, SelectorNames names);
bool selects_otherwise(std::string_view name);

/// or < and < not < parentheses, as python has them.
class Expression {
  public:
    Expression(std::string_view text, const Target& target, SelectorNames names)
        : rest_(text),
          target_(target),
          names_(names) {}

    Result<std::optional<bool>> evaluate();

  private:
    std::string_view next();
    std::string_view peek();
    std::optional<bool> any(std::size_t depth);
    std::optional<bool> all(std::size_t depth);
    std::optional<bool> term(std::size_t depth);

    std::string_view rest_;
    Target target_;
    SelectorNames names_;
    std::string_view foreign_;  // a name that selects what no image has
};

std::size_t comment_of(std::string_view line);
std::optional<Notice> notice_of(std::string_view expression);

}  // namespace

Result<std::optional<bool>> evaluate_selector(
    std::string_view expression, std::string_view platform, SelectorNames names
) {
    return Expression(expression, target_of(platform), names).evaluate();
}

Result<Selected> apply_selectors(
    std::string_view text, const std::string& file, std::string_view platform
) {
    Selected selected;
    std::string& kept = selected.text;
    kept.reserve(text.size());
    std::uint32_t number = 0;
    while (!text.empty()) {
        ++number;
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        const std::string_view ending = text.substr(end, 1);
        text.remove_prefix(end + ending.size());
        const std::size_t comment = comment_of(line);
        const std::string_view words = line.substr(comment);
        const std::size_t open = std::min(words.find_first_not_of("# \t"), words.size());
        const std::size_t close = words.find(']');
        // A line that is a comment alone selects nothing.
        const bool has_value = line.substr(0, comment).find_first_not_of(k_blanks) < comment;
        bool is_kept = true;
        if (has_value && words.substr(open).starts_with('[') && close != std::string_view::npos) {
            const std::string_view expression = words.substr(open + 1, close - open - 1);
            const Span place{
                .file = file,
                .line = number,
                .column = static_cast<std::uint32_t>(comment + open + 1),
                .end_column = static_cast<std::uint32_t>(comment + close + 2)};
            auto truth = evaluate_selector(expression, platform, SelectorNames::comment);
            if (!truth) {
                return fail(std::move(truth).error().with_where(place));
            }
            is_kept = truth->value_or(true);
            auto notice = *truth ? std::nullopt : notice_of(expression);
            if (notice && selected.notices.size() < k_selector_notices) {
                notice->where = place;
                selected.notices.push_back(*std::move(notice));
            }
        }
        kept += is_kept ? line : std::string_view{};
        kept += ending;
    }
    return selected;
}

namespace {

Target target_of(std::string_view platform) {
    const std::size_t dash = std::min(platform.find('-'), platform.size());
    return {
        .system = platform.substr(0, dash),
        .machine = platform.substr(std::min(dash + 1, platform.size()))};
}

/// conda-build's "Preprocessing selectors", and osx64 of cep-24.
std::optional<bool> truth_of(std::string_view name, const Target& target, SelectorNames names) {
    const bool is_x86 = target.machine == "64" || target.machine == "32";
    if (name == "unix") {
        return target.system == "linux" || target.system == "osx";
    }
    if (name == "linux" || name == "osx" || name == "win") {
        return target.system == name;
    }
    if (names == SelectorNames::dictionary) {
        return std::nullopt;
    }
    if (name == "x86") {
        return is_x86;
    }
    if (name == "x86_64" || name == "x64") {
        return target.machine == "64";
    }
    for (const std::string_view system : {"linux", "osx", "win"}) {
        if (name.starts_with(system)) {
            const std::string_view bits = name.substr(system.size());
            if (bits == "32" || bits == "64") {
                return target.system == system && target.machine == bits;
            }
        }
    }
    constexpr std::array<std::string_view, 11> k_machines{
        "aarch64",
        "arm64",
        "armv6l",
        "armv7l",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
        "wasm32",
        "loongarch64",
        "riscv32"};
    if (std::find(k_machines.begin(), k_machines.end(), name) != k_machines.end()) {
        return target.machine == name;
    }
    if (name == "arm") {
        return target.machine.starts_with("arm");
    }
    if (name == "emscripten" || name == "wasi" || name == "freebsd" || name == "zos") {
        return target.system == name;
    }
    return std::nullopt;
}

/// Names of conda-build that cep-24 leaves out: to pass over them would change what is installed.
bool selects_otherwise(std::string_view name) {
    return name == "py" || name == "np" || name == "build_platform" || name == "environ"
           || (name.starts_with("py") && name.size() > 2
               && name.find_first_not_of("0123456789k", 2) == std::string_view::npos);
}

Result<std::optional<bool>> Expression::evaluate() {
    const std::string_view whole = rest_;
    std::optional<bool> truth = any(0);
    if (!foreign_.empty()) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format("the selector [{}] uses {}", whole, foreign_),
            .hint = "selectors name systems and architectures: linux, osx, win, unix, linux64, "
                    "aarch64, … (cep-24)"});
    }
    return peek().empty() ? truth : std::nullopt;
}

std::string_view Expression::peek() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(k_blanks), rest_.size()));
    if (rest_.empty()) {
        return {};
    }
    constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const std::size_t length = std::min(rest_.find_first_not_of(k_letters), rest_.size());
    return rest_.substr(0, std::max<std::size_t>(length, 1));
}

std::string_view Expression::next() {
    const std::string_view token = peek();
    rest_.remove_prefix(token.size());
    return token;
}

std::optional<bool> Expression::any(std::size_t depth) {
    std::optional<bool> truth = all(depth);
    while (truth && peek() == "or") {
        next();
        const std::optional<bool> other = all(depth);
        truth = other ? std::optional(*truth || *other) : std::nullopt;
    }
    return truth;
}

std::optional<bool> Expression::all(std::size_t depth) {
    std::optional<bool> truth = term(depth);
    while (truth && peek() == "and") {
        next();
        const std::optional<bool> other = term(depth);
        truth = other ? std::optional(*truth && *other) : std::nullopt;
    }
    return truth;
}

std::optional<bool> Expression::term(std::size_t depth) {
    if (depth >= k_selector_depth) {
        return std::nullopt;
    }
    const std::string_view token = next();
    if (token == "not") {
        const std::optional<bool> truth = term(depth + 1);
        return truth ? std::optional(!*truth) : std::nullopt;
    }
    if (token == "(") {
        const std::optional<bool> truth = any(depth + 1);
        return next() == ")" ? truth : std::nullopt;
    }
    if (names_ == SelectorNames::comment && selects_otherwise(token)) {
        foreign_ = token;
    }
    return truth_of(token, target_, names_);
}

/// A comment of words that are nearly names: "[wni]", "[linux & win]". Others are what they are.
std::optional<Notice> notice_of(std::string_view expression) {
    constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz0123456789_";
    std::string hint;
    for (std::string_view rest = expression; !rest.empty();) {
        const std::size_t length = std::min(rest.find_first_not_of(k_letters), rest.size());
        const std::string_view word = rest.substr(0, length);
        rest.remove_prefix(std::max<std::size_t>(length, 1));
        const std::string_view near = word.size() < 3 ? "" : nearest_key(word, k_common_names);
        if (!near.empty() && near != word) {
            hint = fmt::format("did you mean {}?", near);
            break;
        }
        hint = near.empty() ? hint : "names are joined by and, or and not (cep-24)";
    }
    if (hint.empty()) {
        return std::nullopt;
    }
    return Notice{
        .message = fmt::format("[{}] is no selector: the line counts everywhere", expression),
        .where = {},
        .hint = hint};
}

/// Where the line's comment starts (its length when there is none): YAML wants white space before
/// '#', and none of it counts inside quotes.
std::size_t comment_of(std::string_view line) {
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char letter = line[i];
        const bool after_blank = i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t';
        if (quote != '\0') {
            quote = letter == quote ? '\0' : quote;
        } else if ((letter == '"' || letter == '\'') && after_blank) {
            quote = letter;  // a quote inside a word is a letter
        } else if (letter == '#' && after_blank) {
            return i;
        }
    }
    return line.size();
}

}  // namespace

}  // namespace kiln::conda
