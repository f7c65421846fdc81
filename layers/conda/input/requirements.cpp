#include "layers/conda/input/requirements.hpp"

#include "layers/conda/input/environment_yaml.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/text.hpp"
#include "store/base/utf8.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

std::string_view without_comment(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
            return line.substr(0, i);
        }
    }
    return line;
}

void read_comment(std::string_view comment, Specification& specification) {
    constexpr std::string_view k_platform = "platform:";
    comment.remove_prefix(std::min(comment.find_first_not_of("# \t"), comment.size()));
    if (comment.starts_with(k_platform) && specification.platforms.empty()) {
        const std::string_view platform = trim(comment.substr(k_platform.size()));
        if (!platform.empty()) {
            specification.platforms.emplace_back(platform);
        }
    }
}

/// What cannot be a specification, told before a resolver stumbles over it.
Result<void> check_line(std::string_view line, const Span& span) {
    if (line.size() > k_specification_bytes) {
        return fail(Error{
            .code = Code::too_large,
            .message = fmt::format(
                "a line of {} bytes; at most {} are read", line.size(), k_specification_bytes
            ),
            .where = span});
    }
    if (line.starts_with('-')) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is for pip, not for conda", line),
            .where = span,
            .hint = "list what pip installs below pip: in an environment.yml"});
    }
    const std::size_t scheme = line.find("://");
    const bool is_url = scheme != std::string_view::npos
                        && line.find("::") == std::string_view::npos
                        && line.find('[') == std::string_view::npos;
    if (is_url && !dist_of(line.substr(0, line.find('#')))) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "{} is neither a specification nor a conda package (.conda or .tar.bz2)",
                without_credentials(line)
            ),
            .where = span,
            .hint = "a lock of URLs has a line @EXPLICIT, and each URL ends in .conda or .tar.bz2"}
        );
    }
    return {};
}

}  // namespace

Result<Specification> parse_requirements(std::string_view text, const std::string& file) {
    if (text.size() > k_lock_bytes) {
        return fail(
            Code::too_large, "{} has {} bytes; at most {} are read", file, text.size(), k_lock_bytes
        );
    }
    if (text.find('\0') != std::string_view::npos || !is_utf8(text)) {
        return fail(Code::invalid_input, "{} is not a UTF-8 text", file);
    }
    Specification specification;
    std::uint32_t number = 0;
    while (!text.empty()) {
        ++number;
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view whole = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::string_view line = trim(without_comment(whole));
        if (line.empty()) {
            read_comment(whole, specification);
            continue;
        }
        const auto column = static_cast<std::uint32_t>(line.data() - whole.data() + 1);
        Span span{
            .file = file,
            .line = number,
            .column = column,
            .end_column = column + static_cast<std::uint32_t>(line.size())};
        TRY(check_line(line, span));
        if (specification.specifications.size() >= k_specification_lines) {
            return fail(Code::too_large, "{} has more than {} lines", file, k_specification_lines);
        }
        specification.specifications.push_back({.text = std::string(line), .span = std::move(span)}
        );
    }
    if (specification.specifications.empty()) {
        return fail(Code::invalid_input, "{} is empty: it names no packages", file);
    }
    return specification;
}

}  // namespace kiln::conda
