#include "daemon/environments/definition.hpp"

#include "daemon/environments/definition_fields.hpp"
#include "daemon/environments/naming.hpp"
#include "layers/conda/input/mapping_reader.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace kiln::daemon {

namespace {

using conda::yaml::Document;
using conda::yaml::Kind;
using conda::yaml::Node;

Result<void> read_root(EnvironmentDefinition& it, Node root);
Result<void> check_whole(const EnvironmentDefinition& it, const DefinitionRules& rules);
Error lacks(const EnvironmentDefinition& it, std::string message, std::string hint);

}  // namespace

Result<EnvironmentDefinition> parse_definition(
    std::string_view text, const std::string& file, const DefinitionRules& rules
) {
    if (text.size() > k_definition_bytes) {
        return fail(
            Code::too_large,
            "{} has {} bytes; at most {} are read",
            file,
            text.size(),
            k_definition_bytes
        );
    }
    TRY_ASSIGN(const Document document, Document::parse(text, file));
    const Node root = document.root();
    EnvironmentDefinition it;
    it.prefix.text = k_default_environment_prefix;
    it.span = root.span();
    if (root.kind() == Kind::null) {
        return fail(
            lacks(it, "the definition is empty", "it has at least a name, and image or build")
        );
    }
    TRY(read_root(it, root));
    for (std::size_t i = 0; i < root.size(); ++i) {
        if (root.key(i).text() == "conda_file" && root.value(i).kind() == Kind::mapping) {
            it.conda->value.text = inline_specification(text, file, root, i);
        }
    }
    TRY(check_whole(it, rules));
    return it;
}

EnvironmentKind EnvironmentDefinition::kind() const {
    return conda || lock ? EnvironmentKind::system_managed : EnvironmentKind::user_managed;
}

oci::Platform EnvironmentDefinition::platform_or(const oci::Platform& host) const {
    if (!platform) {
        return host.normalised();
    }
    // parse_definition() took it.
    return parse_environment_platform(*platform).value_or(host).normalised();
}

std::optional<oci::Reference> EnvironmentDefinition::base() const {
    if (!image) {
        return std::nullopt;
    }
    auto reference = oci::Reference::parse(image->text);
    return reference ? std::optional(std::move(*reference)) : std::nullopt;
}

std::string_view environment_kind_name(EnvironmentKind kind) {
    switch (kind) {
        case EnvironmentKind::user_managed:
            return "user-managed";
        case EnvironmentKind::system_managed:
            return "system-managed";
    }
    return "";
}

std::string_view auto_rebuild_name(AutoRebuild when) {
    switch (when) {
        case AutoRebuild::disabled:
            return "disabled";
        case AutoRebuild::on_base_image_update:
            return "on_base_image_update";
    }
    return "";
}

std::vector<NamedFile> named_files(const EnvironmentDefinition& definition) {
    std::vector<NamedFile> files;
    if (definition.conda && definition.conda->kind == DefinedConda::Kind::path) {
        files.push_back({NamedFile::Role::conda_file, definition.conda->value});
    }
    if (definition.lock) {
        files.push_back({NamedFile::Role::lock, *definition.lock});
    }
    if (definition.build) {
        files.push_back({NamedFile::Role::build_context, definition.build->path});
        files.push_back({NamedFile::Role::dockerfile, definition.build->dockerfile_path});
    }
    return files;
}

bool is_remote_context(std::string_view path) {
    for (const std::string_view scheme : {"https://", "http://", "git://", "ssh://", "git@"}) {
        if (path.starts_with(scheme)) {
            return true;
        }
    }
    return false;
}

namespace {

using It = EnvironmentDefinition;

Result<void> ignore(It&, Node) {
    return {};
}

Result<void> read_name(It& it, Node node) {
    TRY_ASSIGN(it.name, one_line(node, "the name"));
    return {};
}

Result<void> read_version(It& it, Node node) {
    TRY_ASSIGN(it.version, one_line(node, "the version"));
    return {};
}

Result<void> read_description(It& it, Node node) {
    TRY_ASSIGN(it.description, free_text(node, "the description"));
    return {};
}

Result<void> read_tags(It& it, Node node) {
    TRY_ASSIGN(it.tags, text_pairs(node, "tags"));
    return {};
}

Result<void> read_properties(It& it, Node node) {
    TRY_ASSIGN(it.properties, text_pairs(node, "properties"));
    return {};
}

Result<void> read_image(It& it, Node node) {
    TRY_ASSIGN(it.image, one_line(node, "image"));
    constexpr std::string_view k_asset = "azureml:";
    if (it.image->text.starts_with(k_asset)) {
        const std::string name = it.image->text.substr(k_asset.size());
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("{} names an environment, and image: an image", it.image->text),
            fmt::format("kiln env show {} has the image_name of its image", name)
        ));
    }
    if (auto reference = oci::Reference::parse(it.image->text); !reference) {
        return fail(std::move(reference).error().with_where(node.span()));
    }
    return {};
}

Result<void> read_build(It& it, Node node) {
    static constexpr std::array<Key<DefinedBuild>, 3> k_keys{{
        {"path",
         [](DefinedBuild& build, Node value) -> Result<void> {
             TRY_ASSIGN(build.path, one_line(value, "build.path"));
             return {};
         }},
        {"dockerfile_path",
         [](DefinedBuild& build, Node value) -> Result<void> {
             TRY_ASSIGN(build.dockerfile_path, path_within(value, "build.dockerfile_path"));
             return {};
         }},
        {"args",
         [](DefinedBuild& build, Node value) -> Result<void> {
             TRY_ASSIGN(build.args, text_pairs(value, "build.args"));
             return {};
         }},
    }};
    it.build = DefinedBuild{};
    it.build->dockerfile_path = {.text = std::string(k_default_dockerfile), .span = node.span()};
    TRY(read_keys<DefinedBuild>(*it.build, node, "build", k_keys));
    if (it.build->path.text.empty()) {
        return fail(error_of(
            node,
            Code::invalid_input,
            "build has no path",
            "build.path is the build context: a directory, a git URL, or that of an archive"
        ));
    }
    return {};
}

/// The text of an inline specification is cut out when the whole definition is known.
Result<void> read_conda(It& it, Node node) {
    if (node.kind() == Kind::mapping) {
        TRY(check_keys(node));
        it.conda = DefinedConda{
            .kind = DefinedConda::Kind::inline_text, .value = {.text = {}, .span = node.span()}};
        return {};
    }
    if (node.kind() == Kind::sequence) {
        return fail(error_of(
            node,
            Code::invalid_input,
            "conda_file is a list",
            "it is the path of a file, or a specification with channels and dependencies"
        ));
    }
    it.conda = DefinedConda{};
    TRY_ASSIGN(it.conda->value, one_line(node, "conda_file"));
    return {};
}

Result<void> read_lock(It& it, Node node) {
    TRY_ASSIGN(it.lock, one_line(node, "lock"));
    return {};
}

Result<void> read_platform(It& it, Node node) {
    TRY_ASSIGN(it.platform, one_line(node, "platform"));
    TRY(parse_environment_platform(*it.platform));
    return {};
}

Result<void> read_prefix(It& it, Node node) {
    TRY_ASSIGN(it.prefix, clean_prefix(node));
    return {};
}

Result<void> read_activate(It& it, Node node) {
    TRY_ASSIGN(const Written written, one_line(node, "activate"));
    const std::string& text = written.text;
    if (text != "true" && text != "false" && text != "yes" && text != "no") {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("activate is \"{}\"", text),
            "it is true, when scripts of etc/conda/activate.d are to run in the build, or false"
        ));
    }
    it.activate = text == "true" || text == "yes";
    return {};
}

/// `deny`, `allow`, or names: in one text between commas, or as a list.
Result<void> read_link_scripts(It& it, Node node) {
    std::string text;
    if (node.kind() == Kind::sequence) {
        TRY(conda::yaml::each_element(node, "link_scripts", [&](Node each) -> Result<void> {
            TRY_ASSIGN(const Written name, one_line(each, "a name in link_scripts"));
            text += (text.empty() ? "" : ",") + name.text;
            return {};
        }));
    } else {
        TRY_ASSIGN(const Written written, one_line(node, "link_scripts"));
        text = written.text;
    }
    auto policy = conda::LinkScriptPolicy::parse(text);
    if (!policy) {
        const Error& why = policy.error();
        return fail(error_of(node, why.code, why.message, why.hint));
    }
    it.link_scripts = std::move(*policy);
    return {};
}

Result<void> read_os_type(It&, Node node) {
    TRY_ASSIGN(const Written type, one_line(node, "os_type"));
    if (type.text == "linux" || type.text == "Linux") {
        return {};
    }
    const bool windows = type.text == "windows" || type.text == "Windows";
    return fail(error_of(
        node,
        windows ? Code::unsupported : Code::invalid_input,
        windows ? "Windows environments are not supported"
                : fmt::format("os_type is \"{}\"", type.text),
        "os_type is linux"
    ));
}

Result<void> read_auto_rebuild(It& it, Node node) {
    TRY_ASSIGN(const Written when, one_line(node, "auto_rebuild"));
    static constexpr std::array k_values{AutoRebuild::disabled, AutoRebuild::on_base_image_update};
    for (const AutoRebuild value : k_values) {
        if (when.text == auto_rebuild_name(value)) {
            it.auto_rebuild = value;
            return {};
        }
    }
    return fail(error_of(
        node,
        Code::invalid_input,
        fmt::format("auto_rebuild is \"{}\"", when.text),
        "it is disabled or on_base_image_update"
    ));
}

Result<void> read_port(InferenceRoute& route, Node node) {
    TRY_ASSIGN(const Written written, one_line(node, "the port of a route"));
    const std::string& text = written.text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), route.port);
    if (error != std::errc{} || end != text.data() + text.size() || route.port == 0) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("{} is no port", text),
            "a port is a number from 1 to 65535"
        ));
    }
    return {};
}

Result<void> read_route_path(InferenceRoute& route, Node node) {
    TRY_ASSIGN(const Written written, one_line(node, "the path of a route"));
    if (!written.text.starts_with('/')) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("\"{}\" is no path of a route", written.text),
            "it begins with '/', as in a URL"
        ));
    }
    route.path = written.text;
    return {};
}

Result<void> read_route(std::optional<InferenceRoute>& into, Node node) {
    static constexpr std::array<Key<InferenceRoute>, 2> k_keys{
        {{"path", read_route_path}, {"port", read_port}}};
    InferenceRoute route;
    TRY(read_keys<InferenceRoute>(route, node, "a route", k_keys));
    if (route.path.empty() || route.port == 0) {
        return fail(error_of(
            node,
            Code::invalid_input,
            fmt::format("a route has no {}", route.path.empty() ? "path" : "port"),
            "for example {path: /score, port: 5001}"
        ));
    }
    into = std::move(route);
    return {};
}

Result<void> read_inference(It& it, Node node) {
    static constexpr std::array<Key<InferenceConfig>, 3> k_keys{{
        {"liveness_route",
         [](InferenceConfig& to, Node value) { return read_route(to.liveness, value); }},
        {"readiness_route",
         [](InferenceConfig& to, Node value) { return read_route(to.readiness, value); }},
        {"scoring_route",
         [](InferenceConfig& to, Node value) { return read_route(to.scoring, value); }},
    }};
    return read_keys<InferenceConfig>(it.inference, node, "inference_config", k_keys);
}

Result<void> read_root(It& it, Node root) {
    static constexpr std::array<Key<It>, 17> k_keys{{
        {"$schema", ignore},
        {"name", read_name},
        {"version", read_version},
        {"description", read_description},
        {"tags", read_tags},
        {"properties", read_properties},
        {"image", read_image},
        {"build", read_build},
        {"conda_file", read_conda},
        {"lock", read_lock},
        {"platform", read_platform},
        {"prefix", read_prefix},
        {"activate", read_activate},
        {"link_scripts", read_link_scripts},
        {"os_type", read_os_type},
        {"inference_config", read_inference},
        {"auto_rebuild", read_auto_rebuild},
    }};
    return read_keys<It>(it, root, "an environment", k_keys);
}

Error lacks(const It& it, std::string message, std::string hint) {
    return {
        .code = Code::invalid_input,
        .message = std::move(message),
        .where = it.span,
        .hint = std::move(hint)};
}

Result<void> check_names(const It& it, const DefinitionRules& rules) {
    if (!it.name) {
        if (rules.name == DefinitionRules::Name::required) {
            return fail(lacks(
                it, "the environment has no name", "name: it, or --anonymous keeps it by its hash"
            ));
        }
        if (it.version) {
            return fail(Error{
                .code = Code::invalid_input,
                .message = "the environment has a version and no name",
                .where = it.version->span,
                .hint = "an anonymous environment has its hash as version"});
        }
        return {};
    }
    if (auto valid = check_environment_name(it.name->text); !valid) {
        return fail(std::move(valid).error().with_where(it.name->span));
    }
    if (rules.reserved == DefinitionRules::Reserved::refused) {
        if (auto free = refuse_reserved_name(it.name->text); !free) {
            return fail(std::move(free).error().with_where(it.name->span));
        }
    }
    if (it.version) {
        if (auto valid = check_environment_version(it.version->text); !valid) {
            return fail(std::move(valid).error().with_where(it.version->span));
        }
    }
    return {};
}

Result<void> check_whole(const It& it, const DefinitionRules& rules) {
    TRY(check_names(it, rules));
    if (it.image && it.build) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "the environment has both image and build",
            .where = it.build->path.span,
            .hint = "the image that a build starts from is named by FROM in its Dockerfile"});
    }
    if (it.conda && it.lock) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "the environment has both conda_file and lock",
            .where = it.lock->span,
            .hint = "a lock already says what the specification was resolved to: keep one of them"}
        );
    }
    if (!it.image && !it.build) {
        if (const auto& part = it.conda ? std::optional(it.conda->value) : it.lock) {
            return fail(Error{
                .code = Code::invalid_input,
                .message =
                    fmt::format("{} stands without a base", it.conda ? "conda_file" : "lock"),
                .where = part->span,
                .hint = "add image: REF, the image that the packages are installed on, or build:"});
        }
        return fail(lacks(
            it,
            "the environment has neither image nor build",
            "one of them says what the software starts from"
        ));
    }
    return {};
}

}  // namespace

}  // namespace kiln::daemon
