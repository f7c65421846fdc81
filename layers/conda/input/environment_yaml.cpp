#include "layers/conda/input/environment_yaml.hpp"

#include "layers/conda/input/mapping_reader.hpp"
#include "layers/conda/input/nearest_key.hpp"
#include "layers/conda/input/selector.hpp"
#include "layers/conda/input/yaml.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace kiln::conda {

namespace {

using yaml::error_at;
using yaml::Kind;
using yaml::MappingReader;
using yaml::Node;

constexpr std::array<std::string_view, 7> k_keys{
    "name", "prefix", "dependencies", "channels", "variables", "platforms", "category"};

struct Reading {
    Specification specification;
    std::string_view platform;
};

Result<std::string> one_line(Node node, std::string_view what);
Result<void> keep(std::vector<Written>& list, Node node, std::string_view what);
Result<void> read_names(MappingReader& in, Specification& specification);
Result<void> read_channel(Specification& specification, Node node);
Result<void> read_dependency(Reading& reading, Node node);
Result<void> read_subsection(Reading& reading, Node key, Node value);
Result<void> read_variable(Specification& specification, std::string_view name, Node value);
Result<void> read_platform(Specification& specification, Node node);
void add_notices(const MappingReader& in, Specification& specification);
Result<void> check_dependencies(MappingReader& in, const std::string& file);

}  // namespace

Result<Specification> parse_environment_yaml(
    std::string_view text, const std::string& file, std::string_view platform
) {
    TRY_ASSIGN(Selected selected, apply_selectors(text, file, platform));
    TRY_ASSIGN(const yaml::Document document, yaml::Document::parse(selected.text, file));
    if (document.root().kind() == Kind::null) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is empty: it names no dependencies", file),
            .where = document.root().span()});
    }
    MappingReader in(document.root(), file);
    Reading reading{.specification = {}, .platform = platform};
    Specification& specification = reading.specification;
    specification.notices = std::move(selected.notices);
    TRY(read_names(in, specification));
    in.each("channels", [&](Node node) { return read_channel(specification, node); });
    in.each("dependencies", [&](Node node) { return read_dependency(reading, node); });
    in.each_pair("variables", [&](std::string_view name, Node value) {
        return read_variable(specification, name, value);
    });
    in.each("platforms", [&](Node node) { return read_platform(specification, node); });
    TRY(check_dependencies(in, file));
    TRY(in.finish());
    add_notices(in, specification);
    return specification;
}

namespace {

/// Any text of the file: one line, of a length that a command line could have.
Result<std::string> one_line(Node node, std::string_view what) {
    if (node.kind() != Kind::scalar || node.text().empty()) {
        return fail(error_at(
            node,
            fmt::format(
                "{} is {}, not a text",
                what,
                node.kind() == Kind::scalar ? "empty" : node.kind_name()
            )
        ));
    }
    if (node.text().size() > k_specification_bytes) {
        Error error = error_at(
            node,
            fmt::format(
                "{} has {} bytes; at most {} are read",
                what,
                node.text().size(),
                k_specification_bytes
            )
        );
        error.code = Code::too_large;
        return fail(std::move(error));
    }
    if (node.text().find_first_of("\r\n") != std::string_view::npos) {
        return fail(error_at(node, fmt::format("{} has more than one line", what)));
    }
    return std::string(node.text());
}

Result<void> keep(std::vector<Written>& list, Node node, std::string_view what) {
    TRY_ASSIGN(std::string text, one_line(node, what));
    if (list.size() >= k_specification_lines) {
        Error error =
            error_at(node, fmt::format("more than {} times {}", k_specification_lines, what));
        error.code = Code::too_large;
        return fail(std::move(error));
    }
    list.push_back({.text = std::move(text), .span = node.span()});
    return {};
}

/// cep-24: neither '/', space, ':' nor '#' in a name. A list of categories is what nobody writes.
Result<void> read_names(MappingReader& in, Specification& specification) {
    if (const auto name = in.find("name")) {
        TRY_ASSIGN(specification.name, one_line(*name, "name"));
        if (specification.name.find_first_of("/ :#") != std::string::npos) {
            return fail(
                error_at(*name, fmt::format("{} is no name of an environment", name->text()))
                    .with_hint("cep-24: a name has no '/', ' ', ':' and '#'")
            );
        }
    }
    if (const auto prefix = in.find("prefix")) {
        TRY_ASSIGN(specification.prefix, one_line(*prefix, "prefix"));
    }
    if (const auto category = in.find("category")) {
        TRY_ASSIGN(specification.category, one_line(*category, "category"));
    }
    return {};
}

Result<void> read_channel(Specification& specification, Node node) {
    if (node.kind() == Kind::scalar && node.text() == "nodefaults") {
        specification.appends_default_channels = false;
        return {};
    }
    return keep(specification.channels, node, "a channel");
}

Result<void> read_dependency(Reading& reading, Node node) {
    if (node.kind() != Kind::mapping) {
        return keep(reading.specification.specifications, node, "a dependency");
    }
    if (node.size() == 0) {
        return fail(error_at(node, "a dependency is an empty mapping"));
    }
    for (std::size_t i = 0; i < node.size(); ++i) {
        TRY(read_subsection(reading, node.key(i), node.value(i)));
    }
    return {};
}

/// "sel(win): pywin32" or "pip: […]".
Result<void> read_subsection(Reading& reading, Node key, Node value) {
    const std::string_view name = key.text();
    if (name.starts_with("sel(") && name.ends_with(')')) {
        TRY_ASSIGN(
            const std::optional<bool> truth,
            evaluate_selector(
                name.substr(4, name.size() - 5), reading.platform, SelectorNames::dictionary
            )
        );
        if (!truth) {
            return fail(error_at(key, fmt::format("{} is no selector", name))
                            .with_hint("sel(unix), sel(linux), sel(osx) and sel(win) are (cep-24)")
            );
        }
        std::vector<Written> left_out;
        return keep(
            *truth ? reading.specification.specifications : left_out, value, "a dependency"
        );
    }
    if (name != "pip") {
        Error error = error_at(key, fmt::format("dependencies of {} are not supported", name));
        error.code = Code::unsupported;
        return fail(
            std::move(error).with_hint("pip: holds what pip installs; a dependency is a text")
        );
    }
    if (value.kind() == Kind::null) {
        return {};
    }
    return yaml::each_element(value, "pip", [&](Node line) {
        return keep(reading.specification.pip, line, "a line of pip");
    });
}

/// What POSIX (XBD 8.1) and every shell take.
bool is_variable_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && is_letter(name.front())
           && std::all_of(name.begin(), name.end(), [&](char c) {
                  return is_letter(c) || (c >= '0' && c <= '9');
              });
}

/// cep-24: values that are no texts become texts; as they are written here, so that 1.10 stays.
Result<void> read_variable(Specification& specification, std::string_view name, Node value) {
    if (!is_variable_name(name)) {
        return fail(error_at(value, fmt::format("{} is no name of a variable", name))
                        .with_hint("letters, digits and '_', not starting with a digit"));
    }
    if (value.kind() != Kind::scalar && value.kind() != Kind::null) {
        return fail(error_at(
            value, fmt::format("the variable {} is {}, not a text", name, value.kind_name())
        ));
    }
    if (specification.variables.size() >= k_specification_lines) {
        return fail(Code::too_large, "more than {} variables", k_specification_lines);
    }
    specification.variables.emplace_back(name, value.text());
    return {};
}

bool is_platform(std::string_view text) {
    const std::size_t dash = text.find('-');
    constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    const auto is_word = [&](std::string_view word) {
        return !word.empty() && word.find_first_not_of(k_letters) == std::string_view::npos;
    };
    return dash != std::string_view::npos && text.size() <= 32 && is_word(text.substr(0, dash))
           && is_word(text.substr(dash + 1));
}

Result<void> read_platform(Specification& specification, Node node) {
    TRY_ASSIGN(std::string platform, one_line(node, "a platform"));
    if (!is_platform(platform)) {
        return fail(error_at(node, fmt::format("{} is no platform", platform))
                        .with_hint("linux-64 and linux-aarch64 are platforms (cep-26)"));
    }
    specification.platforms.push_back(std::move(platform));
    return {};
}

/// conda takes a file without dependencies; one where they are misspelt would make an empty
/// environment out of a slip of the finger.
Result<void> check_dependencies(MappingReader& in, const std::string& file) {
    const Node root = in.node();
    for (std::size_t i = 0; root.kind() == Kind::mapping && i < root.size(); ++i) {
        if (root.key(i).text() == "dependencies") {
            return {};
        }
    }
    if (const auto unknown = in.unread(); !unknown.empty()) {
        Error error = error_at(
            unknown.front(),
            fmt::format("{} has no dependencies, but {}", file, unknown.front().text())
        );
        for (const Node key : unknown) {
            if (!nearest_key(key.text(), std::array{std::string_view("dependencies")}).empty()) {
                error =
                    error_at(key, fmt::format("{} has no dependencies, but {}", file, key.text()))
                        .with_hint("did you mean dependencies?");
            }
        }
        return fail(std::move(error));
    }
    return {};
}

void add_notices(const MappingReader& in, Specification& specification) {
    for (const Node key : in.unread()) {
        const std::string_view near = nearest_key(key.text(), k_keys);
        specification.notices.push_back(
            {.message = fmt::format("the key {} is not known and counts for nothing", key.text()),
             .where = key.span(),
             .hint = near.empty() ? "" : fmt::format("did you mean {}?", near)}
        );
    }
    if (specification.specifications.empty() && specification.pip.empty()) {
        specification.notices.push_back(
            {.message = "no dependencies: the environment will be empty", .where = in.node().span()}
        );
    }
}

}  // namespace

}  // namespace kiln::conda
