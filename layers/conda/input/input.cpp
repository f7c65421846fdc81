#include "layers/conda/input/input.hpp"

#include "layers/conda/input/conda_lock.hpp"
#include "layers/conda/input/environment_yaml.hpp"
#include "layers/conda/input/lock_writer.hpp"
#include "layers/conda/input/mapping_reader.hpp"
#include "layers/conda/input/pixi_lock.hpp"
#include "layers/conda/input/requirements.hpp"
#include "layers/conda/input/yaml.hpp"
#include "store/base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace kiln::conda {

namespace {

using yaml::Document;
using yaml::Kind;
using yaml::Node;

/// A form, and the tree where it is YAML.
struct Detected {
    InputFormat format = InputFormat::requirements;
    std::optional<Document> document;
};

Result<Detected> detect(std::string_view text, const std::string& file);
Result<InputFormat> format_of(const Document& document);
bool has_explicit_line(std::string_view text);
bool looks_like_yaml(std::string_view text);
bool looks_like_toml(std::string_view text);
Error not_yaml_input(const Document& document);

}  // namespace

std::string_view input_format_name(InputFormat format) {
    switch (format) {
        case InputFormat::explicit_list:
            return "@EXPLICIT list";
        case InputFormat::requirements:
            return "list of specifications";
        case InputFormat::environment_yaml:
            return "environment.yml";
        case InputFormat::conda_lock:
            return "conda-lock.yml";
        case InputFormat::pixi_lock:
            return "pixi.lock";
        case InputFormat::kiln_lock:
            return "kiln lock";
    }
    return "";
}

Result<InputFormat> detect_input_format(std::string_view text, const std::string& file) {
    TRY_ASSIGN(const Detected detected, detect(without_byte_order_mark(text), file));
    return detected.format;
}

Result<CondaInput> read_conda_input(
    std::string_view text, const std::string& file, const InputOptions& options
) {
    const auto as_input = [](auto result) -> Result<CondaInput> {
        if (!result) {
            return fail(std::move(result).error());
        }
        return CondaInput(std::move(*result));
    };
    text = without_byte_order_mark(text);
    TRY_ASSIGN(const Detected detected, detect(text, file));
    switch (detected.format) {
        case InputFormat::explicit_list:
            return as_input(parse_lock(text, file));
        case InputFormat::requirements:
            return as_input(parse_requirements(text, file));
        case InputFormat::environment_yaml:
            return as_input(parse_environment_yaml(text, file, options.platform));
        case InputFormat::conda_lock:
            return as_input(parse_conda_lock(*detected.document, options));
        case InputFormat::pixi_lock:
            return as_input(parse_pixi_lock(*detected.document, options));
        case InputFormat::kiln_lock:
            return as_input(parse_kiln_lock(text, file));
    }
    return fail(Code::internal, "a form of input without a reader");
}

Result<Lock> read_conda_lock(
    std::string_view text, const std::string& file, const InputOptions& options
) {
    TRY_ASSIGN(CondaInput input, read_conda_input(text, file, options));
    if (Lock* lock = std::get_if<Lock>(&input)) {
        return std::move(*lock);
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message =
            fmt::format("{} is not a lock file: it names what is wanted, not what it is", file),
        .hint = "lock it first: kiln conda lock FILE -o LOCK"});
}

namespace {

Result<Detected> detect(std::string_view text, const std::string& file) {
    Detected detected;
    if (has_explicit_line(text)) {
        detected.format = InputFormat::explicit_list;
        return detected;
    }
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && text[first] == '{'
        && text.substr(0, k_lock_bytes).find("\"kiln_lock\"") != std::string_view::npos) {
        detected.format = InputFormat::kiln_lock;
        return detected;
    }
    if (looks_like_toml(text)) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format("{} is a TOML manifest", file),
            .hint = "give the pixi.lock or conda-lock.yml that was made of it"});
    }
    const bool is_named_yaml = file.ends_with(".yml") || file.ends_with(".yaml");
    if (!is_named_yaml && !looks_like_yaml(text)) {
        // Nothing but URLs and file names: an @EXPLICIT file without its mark, or a list.
        detected.format = InputFormat::requirements;
        return detected;
    }
    auto document = Document::parse(text, file);
    if (!document) {
        // "# [win]" may make two keys one: only the reader of environments takes such lines out.
        const bool may_be_environment =
            document.error().code == Code::invalid_input
            && (text.starts_with("dependencies:") || text.find("\ndependencies:") != text.npos);
        if (!may_be_environment) {
            return fail(std::move(document).error());
        }
        detected.format = InputFormat::environment_yaml;
        return detected;
    }
    TRY_ASSIGN(detected.format, format_of(*document));
    detected.document = std::move(*document);
    return detected;
}

Result<InputFormat> format_of(const Document& document) {
    const Node root = document.root();
    if (root.kind() != Kind::mapping) {
        return fail(not_yaml_input(document));
    }
    const auto has = [&](std::string_view key) {
        for (std::size_t i = 0; i < root.size(); ++i) {
            if (root.key(i).text() == key) {
                return true;
            }
        }
        return false;
    };
    if (has("environments") && (has("version") || has("packages"))) {
        return InputFormat::pixi_lock;
    }
    if (has("package") && has("metadata")) {
        return InputFormat::conda_lock;
    }
    if (has("package") && (has("build") || has("requirements") || has("source"))) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format("{} is a recipe: a package is built of it", document.file()),
            .where = root.span(),
            .hint = "list the package in the dependencies of an environment.yml"});
    }
    return InputFormat::environment_yaml;
}

Error not_yaml_input(const Document& document) {
    const Node root = document.root();
    Error error{
        .code = Code::invalid_input,
        .message =
            root.kind() == Kind::null
                ? fmt::format("{} is empty: it names no packages", document.file())
                : fmt::format(
                    "{} is neither an environment.yml nor a lock file: it is {}, not a mapping",
                    document.file(),
                    root.kind_name()
                ),
        .where = root.span()};
    const std::string_view text = root.text();
    if (text.ends_with(".yml") || text.ends_with(".yaml") || text.ends_with(".lock")) {
        return std::move(error).with_hint(fmt::format(
            "it holds the name {}: perhaps a symbolic link that was copied as a text", text
        ));
    }
    return error;
}

/// The lines of a text without the blanks around them; `visit` returns false to stop.
template<class Visit>
void each_line(std::string_view text, const Visit& visit) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool is_indented = !line.empty() && k_blanks.find(line.front()) != k_blanks.npos;
        if (!visit(trim(line), is_indented)) {
            return;
        }
    }
}

bool has_explicit_line(std::string_view text) {
    bool found = false;
    each_line(text, [&](std::string_view line, bool /*is_indented*/) {
        found = line == "@EXPLICIT";
        return !found;
    });
    return found;
}

/// The first line with content is a key, the start of a document or of a flow mapping. A
/// specification may hold colons too, but none before a blank or the end of the line.
bool looks_like_yaml(std::string_view text) {
    bool found = false;
    each_line(text, [&](std::string_view line, bool /*is_indented*/) {
        if (line.empty() || line.front() == '#') {
            return true;
        }
        const std::size_t colon = line.find(": ");
        const std::string_view key = line.substr(0, std::min(colon, line.size() - 1));
        const bool is_key =
            (colon != line.npos || line.ends_with(':')) && key.find_first_of("=<>[]/ ") == key.npos;
        found = is_key || line == "---" || line.front() == '%' || line.front() == '{';
        return false;
    });
    return found;
}

bool looks_like_toml(std::string_view text) {
    bool found = false;
    each_line(text, [&](std::string_view line, bool is_indented) {
        if (line.empty() || line.front() == '#') {
            return true;
        }
        constexpr std::array<std::string_view, 6> k_tables{
            "[workspace]", "[project]", "[package]", "[build-system]", "[dependencies]", "[tool."};
        found = !is_indented && std::any_of(k_tables.begin(), k_tables.end(), [&](auto table) {
            return line.starts_with(table);
        });
        return false;
    });
    return found;
}

}  // namespace

}  // namespace kiln::conda
