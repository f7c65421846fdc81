#include "daemon/environments/definition.hpp"
#include "daemon/environments/yaml_text.hpp"

#include <algorithm>
#include <utility>

namespace kiln::daemon {

namespace {

using conda::yaml::Document;

/// Puts keys in the order of Azure ML's documentation.
class DefinitionWriter {
  public:
    void text(std::string_view key, std::string_view value, std::size_t indent = 0) {
        out_ += fmt::format("{}{}: {}\n", std::string(indent, ' '), key, yaml_scalar(value));
    }

    void text(std::string_view key, const std::optional<Written>& value) {
        if (value) {
            text(key, value->text);
        }
    }

    void pairs(
        std::string_view key,
        const std::map<std::string, std::string>& pairs,
        std::size_t indent = 0
    ) {
        if (!pairs.empty()) {
            open(key, indent);
            for (const auto& [name, value] : pairs) {
                text(yaml_scalar(name), value, indent + 2);
            }
        }
    }

    void open(std::string_view key, std::size_t indent = 0) {
        out_ += fmt::format("{}{}:\n", std::string(indent, ' '), key);
    }

    void lines(std::string_view text) { out_ += text; }

    std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

/// The lines of an inline specification moved to where `indent` says: with their comments, and with
/// the empty ones among them, which are line breaks in a scalar of several lines.
std::string moved(std::string_view text, std::size_t indent) {
    std::vector<std::string_view> lines;
    std::size_t least = std::string_view::npos;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (const auto start = line.find_first_not_of(" \r"); start != std::string_view::npos) {
            least = std::min(least, start);
        }
        if (least != std::string_view::npos) {
            lines.push_back(line);
        }
    }
    std::string out;
    for (const std::string_view line : lines) {
        if (line.size() > least) {
            out += std::string(indent, ' ') + std::string(line.substr(least));
        }
        out += "\n";
    }
    return out;
}

/// A comment may be a selector: "# [linux64]".
bool may_have_selectors(std::string_view text) {
    for (std::size_t at = text.find('#'); at != std::string_view::npos;
         at = text.find('#', at + 1)) {
        const std::size_t next = text.find_first_not_of(" \t#", at);
        if (next != std::string_view::npos && text[next] == '[') {
            return true;
        }
    }
    return false;
}

void write_inline(DefinitionWriter& out, const Written& specification) {
    out.open("conda_file");
    const auto document = Document::parse(specification.text, specification.span.file);
    if (!document || may_have_selectors(specification.text)) {
        out.lines(moved(specification.text, 2));
        return;
    }
    out.lines(yaml_block(document->root(), 2));
}

void write_route(
    DefinitionWriter& out, std::string_view key, const std::optional<InferenceRoute>& route
) {
    if (route) {
        out.open(key, 2);
        out.text("path", route->path, 4);
        out.lines(fmt::format("    port: {}\n", route->port));
    }
}

void write_inference(DefinitionWriter& out, const InferenceConfig& inference) {
    if (inference == InferenceConfig()) {
        return;
    }
    out.open("inference_config");
    write_route(out, "liveness_route", inference.liveness);
    write_route(out, "readiness_route", inference.readiness);
    write_route(out, "scoring_route", inference.scoring);
}

void write_build(DefinitionWriter& out, const DefinedBuild& build) {
    out.open("build");
    out.text("path", build.path.text, 2);
    if (build.dockerfile_path.text != k_default_dockerfile) {
        out.text("dockerfile_path", build.dockerfile_path.text, 2);
    }
    out.pairs("args", build.args, 2);
}

void write_version(DefinitionWriter& out, const std::optional<Written>& version) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (version && version->text.front() != '0'
        && std::all_of(version->text.begin(), version->text.end(), is_digit)) {
        out.lines("version: " + version->text + "\n");  // a whole number is kept as one
    } else {
        out.text("version", version);
    }
}

}  // namespace

std::string render_definition(const EnvironmentDefinition& definition) {
    DefinitionWriter out;
    out.text("name", definition.name);
    write_version(out, definition.version);
    if (!definition.description.empty()) {
        out.text("description", definition.description);
    }
    out.pairs("tags", definition.tags);
    out.pairs("properties", definition.properties);
    out.text("image", definition.image);
    if (definition.build) {
        write_build(out, *definition.build);
    }
    if (definition.conda && definition.conda->kind == DefinedConda::Kind::inline_text) {
        write_inline(out, definition.conda->value);
    } else if (definition.conda) {
        out.text("conda_file", definition.conda->value);
    }
    out.text("lock", definition.lock);
    out.text("platform", definition.platform);
    if (definition.prefix.text != k_default_environment_prefix) {
        out.text("prefix", definition.prefix.text);
    }
    if (definition.activate) {
        out.text("activate", "true");
    }
    if (definition.link_scripts != conda::LinkScriptPolicy()) {
        out.text("link_scripts", definition.link_scripts.render());
    }
    write_inference(out, definition.inference);
    if (definition.auto_rebuild != AutoRebuild::disabled) {
        out.text("auto_rebuild", auto_rebuild_name(definition.auto_rebuild));
    }
    return out.take();
}

}  // namespace kiln::daemon
