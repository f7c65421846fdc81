#include "daemon/environments/definition_fields.hpp"

#include "daemon/conda/lock_request.hpp"
#include "daemon/environments/yaml_text.hpp"
#include "layers/conda/edit_distance.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kiln::daemon {

namespace {

using conda::yaml::Document;
using conda::yaml::Kind;
using conda::yaml::Node;

constexpr std::size_t k_line_bytes = 4096;   // PATH_MAX of Linux
constexpr std::size_t k_prefix_bytes = 255;  // the placeholders of conda packages have no more
/// Those that conda has a name for.
constexpr std::array<std::string_view, 6> k_platforms{
    "linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x", "linux/riscv64", "linux/386"};

/// Where a place of the text lies in it.
std::size_t offset_of(std::string_view text, const Span& place) {
    std::size_t offset = 0;
    for (std::uint32_t line = 1; line < place.line && offset < text.size(); ++line) {
        offset = std::min(text.find('\n', offset), text.size() - 1) + 1;
    }
    return std::min(offset + (place.column > 0 ? place.column - 1 : 0), text.size());
}

/// The same lines and columns, nothing in them.
std::string blanked(std::string_view text) {
    std::string blank(text);
    std::replace_if(
        blank.begin(), blank.end(), [](char c) { return c != '\n'; }, ' '
    );
    return blank;
}

Result<void> check_key(Node key) {
    if (key.text().size() <= k_definition_key_bytes) {
        return {};
    }
    return fail(error_of(
        key,
        Code::too_large,
        fmt::format(
            "a key has {} bytes; at most {} are read", key.text().size(), k_definition_key_bytes
        )
    ));
}

Result<std::vector<std::string_view>> parts_of(Node node, std::string_view path) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part == "..") {
            return fail(
                error_of(node, Code::invalid_input, fmt::format("{} leads upwards by '..'", path))
            );
        }
        if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    return parts;
}

}  // namespace

std::string_view nearest_name(std::string_view written, std::span<const std::string_view> keys) {
    std::string_view nearest;
    std::pair<std::size_t, std::size_t> least;
    for (const std::string_view key : keys) {
        const std::size_t steps = conda::edit_distance(written, key);
        // Of equally near ones that of the same length: letters are swapped more often than lost.
        const std::size_t longer = std::max(key.size(), written.size());
        const std::pair distance(steps, longer - std::min(key.size(), written.size()));
        if (steps <= key.size() / 2 && (nearest.empty() || distance < least)) {
            nearest = key;
            least = distance;
        }
    }
    return nearest;
}

Error error_of(Node node, Code code, std::string message, std::string hint) {
    return {
        .code = code, .message = std::move(message), .where = node.span(), .hint = std::move(hint)};
}

Result<Written> one_line(Node node, std::string_view what) {
    if (node.kind() != Kind::scalar || node.text().empty()) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format(
                "{} is {}, not a text",
                what,
                node.kind() == Kind::scalar ? "empty" : node.kind_name()
            )
        ));
    }
    if (node.text().size() > k_line_bytes) {
        return fail(error_of(
            node,
            Code::too_large,
            fmt::format(
                "{} has {} bytes; at most {} are read", what, node.text().size(), k_line_bytes
            )
        ));
    }
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    };
    if (std::any_of(node.text().begin(), node.text().end(), is_control)) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("{} has a line break or a control character in it", what)
        ));
    }
    return Written{.text = std::string(node.text()), .span = node.span()};
}

Result<std::string> free_text(Node node, std::string_view what) {
    if (node.kind() != Kind::scalar) {
        return fail(error_of(
            node, Code::invalid_input, fmt::format("{} is {}, not a text", what, node.kind_name())
        ));
    }
    if (node.text().size() > k_definition_text_bytes) {
        return fail(error_of(
            node,
            Code::too_large,
            fmt::format(
                "{} has {} bytes; at most {} are kept",
                what,
                node.text().size(),
                k_definition_text_bytes
            )
        ));
    }
    return std::string(node.text());
}

Result<std::map<std::string, std::string>> text_pairs(Node node, std::string_view what) {
    if (node.kind() != Kind::mapping) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("{} is {}, not a mapping", what, node.kind_name()),
            "for example {team: vision}"
        ));
    }
    if (node.size() > k_definition_pairs) {
        return fail(error_of(
            node,
            Code::too_large,
            fmt::format(
                "{} has {} keys; at most {} are kept", what, node.size(), k_definition_pairs
            )
        ));
    }
    std::map<std::string, std::string> pairs;
    for (std::size_t i = 0; i < node.size(); ++i) {
        TRY_ASSIGN(Written key, one_line(node.key(i), fmt::format("a key of {}", what)));
        TRY(check_key(node.key(i)));
        const Node value = node.value(i);
        if (value.kind() == Kind::null) {
            pairs[std::move(key.text)] = "";
            continue;
        }
        TRY_ASSIGN(std::string text, free_text(value, fmt::format("{} of {}", key.text, what)));
        pairs[std::move(key.text)] = std::move(text);
    }
    return pairs;
}

Result<Written> clean_prefix(Node node) {
    TRY_ASSIGN(Written written, one_line(node, "prefix"));
    const std::string_view text = written.text;
    const std::string hint = "a prefix is an absolute path like /opt/env";
    if (!text.starts_with('/') || text.find_first_of(": \"'\\") != std::string_view::npos) {
        return fail(
            error_of(node, Code::invalid_input, fmt::format("\"{}\" is no prefix", text), hint)
        );
    }
    TRY_ASSIGN(const auto parts, parts_of(node, text));
    std::string clean;
    for (const std::string_view part : parts) {
        clean += "/" + std::string(part);
    }
    if (clean.empty()) {
        return fail(error_of(node, Code::invalid_input, "the prefix is the root of the image", hint)
        );
    }
    if (clean.size() > k_prefix_bytes) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("the prefix has {} bytes", clean.size()),
            fmt::format("no conda package has room for more than {}", k_prefix_bytes)
        ));
    }
    written.text = std::move(clean);
    return written;
}

Result<Written> path_within(Node node, std::string_view what) {
    TRY_ASSIGN(Written written, one_line(node, what));
    TRY_ASSIGN(const auto parts, parts_of(node, written.text));
    if (written.text.starts_with('/') || parts.empty()) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("{} is {}", what, written.text),
            "it is a path within the build context"
        ));
    }
    written.text = fmt::format("{}", fmt::join(parts, "/"));
    return written;
}

Result<oci::Platform> parse_environment_platform(const Written& written) {
    std::string_view text = written.text;
    for (const std::string_view each : k_platforms) {
        text = text == conda_platform(each).value_or("") ? each : text;
    }
    auto platform = oci::Platform::parse(text);
    const bool is_conda_name = text.starts_with("osx-") || text.starts_with("win-");
    if (is_conda_name || (platform && platform->os != "linux")) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format("environments for {} are not supported", written.text),
            .where = written.span,
            .hint = "a platform is linux/amd64 or linux/arm64"});
    }
    if (!platform) {
        return fail(std::move(platform).error().with_where(written.span));
    }
    // Alone, the word is taken only where it is known.
    const auto known = oci::Platform::parse(platform->architecture);
    if (!known || known->architecture != platform->architecture) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format(
                "\"{}\" is not a platform: {} is no architecture", text, platform->architecture
            ),
            .where = written.span,
            .hint = fmt::format("{}, for instance", fmt::join(k_platforms, ", "))});
    }
    return platform;
}

Result<void> check_keys(Node node) {
    const bool is_mapping = node.kind() == Kind::mapping;
    for (std::size_t i = 0; i < node.size(); ++i) {
        if (is_mapping) {
            TRY(check_key(node.key(i)));
        }
        TRY(check_keys(is_mapping ? node.value(i) : node.at(i)));
    }
    return {};
}

std::string inline_specification(
    std::string_view text, const std::string& file, Node root, std::size_t index
) {
    const Node value = root.value(index);
    const std::size_t begin = offset_of(text, value.span());
    const std::size_t end =
        index + 1 < root.size() ? offset_of(text, root.key(index + 1).span()) : text.size();
    if (begin <= end) {
        std::string cut = blanked(text.substr(0, begin));
        cut += text.substr(begin, end - begin);
        const auto document = Document::parse(cut, file);
        if (document && same_yaml(document->root(), value)) {
            return cut;
        }
    }
    // In flow style among other keys, or with aliases of what stands elsewhere.
    const std::uint32_t lines_before = std::max(value.span().line, 1U) - 1;
    return std::string(lines_before, '\n') + yaml_flow(value) + "\n";
}

}  // namespace kiln::daemon
