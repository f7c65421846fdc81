#include "daemon/environments/export.hpp"

#include "daemon/conda/lock_request.hpp"
#include "daemon/environments/export_text.hpp"
#include "daemon/environments/yaml_text.hpp"
#include "layers/conda/input/lock_order.hpp"
#include "layers/conda/input/lock_writer.hpp"

#include <array>
#include <utility>

namespace kiln::daemon {

namespace {

constexpr std::array<std::pair<EnvironmentFormat, std::string_view>, 5> k_formats{{
    {EnvironmentFormat::conda_lock, "conda-lock"},
    {EnvironmentFormat::explicit_list, "explicit"},
    {EnvironmentFormat::environment, "environment"},
    {EnvironmentFormat::azureml, "azureml"},
    {EnvironmentFormat::dockerfile, "dockerfile"},
}};

Result<std::string> export_lock(const ExportedEnvironment& environment, EnvironmentFormat format);
Result<std::string> export_environment_yaml(const ExportedEnvironment& environment);
Result<std::string> export_azureml(const ExportedEnvironment& environment);
std::string pinned(const conda::LockEntry& entry);

}  // namespace

Result<EnvironmentFormat> parse_environment_format(std::string_view name) {
    for (const auto& [format, known] : k_formats) {
        if (name == known) {
            return format;
        }
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format("an environment has no format \"{}\"", name),
        .hint = "conda-lock, explicit, environment, azureml and dockerfile are formats"});
}

std::string_view environment_format_name(EnvironmentFormat format) {
    for (const auto& [known, name] : k_formats) {
        if (format == known) {
            return name;
        }
    }
    return "";
}

Result<std::string> export_environment(
    const ExportedEnvironment& environment, EnvironmentFormat format
) {
    switch (format) {
        case EnvironmentFormat::conda_lock:
        case EnvironmentFormat::explicit_list:
            return export_lock(environment, format);
        case EnvironmentFormat::environment:
            return export_environment_yaml(environment);
        case EnvironmentFormat::azureml:
            return export_azureml(environment);
        case EnvironmentFormat::dockerfile:
            return export_dockerfile(environment);
    }
    return fail(Code::internal, "an unknown format");
}

std::string label_of(const ExportedEnvironment& environment) {
    return environment.name.empty()      ? "anonymous"
           : environment.version.empty() ? environment.name
                                         : environment.name + ":" + environment.version;
}

std::string definition_comment(const ExportedEnvironment& environment) {
    EnvironmentDefinition rest = environment.definition;
    rest.conda.reset();
    rest.lock.reset();
    std::string out = fmt::format(
        "# environment {}, as kiln exports it; its whole definition, packages apart:\n",
        label_of(environment)
    );
    const std::string rendered = render_definition(rest);
    std::string_view text = rendered;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        out += fmt::format("# | {}\n", text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    if (environment.base && environment.definition.image) {
        out += fmt::format(
            "# {} was {}\n", environment.definition.image->text, environment.base->render()
        );
    }
    return out;
}

conda::Lock completed(const conda::Lock& lock, const EnvironmentDefinition& definition) {
    conda::Lock copy = lock;
    if (!copy.platform) {
        const auto platform = conda_platform(definition.platform_or(oci::Platform::host()));
        copy.platform = platform ? std::optional(*platform) : std::nullopt;
    }
    for (conda::LockEntry& entry : copy.entries) {
        const auto dist = conda::dist_of(entry.file_name);
        const auto parts = dist ? conda::parse_dist(*dist) : std::nullopt;
        if (parts && entry.record.name.empty()) {
            entry.record.name = parts->name;
        }
        if (parts && entry.record.version.empty()) {
            entry.record.version = parts->version;
        }
        if (parts && entry.record.build.empty()) {
            entry.record.build = parts->build;
        }
    }
    return copy;
}

Result<std::string> environment_yaml(const ExportedEnvironment& environment) {
    std::string out;
    std::vector<std::string> dependencies;
    std::vector<std::string> pip;
    std::vector<std::string> channels;
    if (environment.specification) {
        const conda::Specification& wanted = *environment.specification;
        for (const Written& each : wanted.channels) {
            channels.push_back(each.text);
        }
        if (!wanted.appends_default_channels) {
            channels.emplace_back("nodefaults");
        }
        for (const Written& each : wanted.specifications) {
            dependencies.push_back(each.text);
        }
        for (const Written& each : wanted.pip) {
            pip.push_back(each.text);
        }
    } else if (environment.lock != nullptr) {
        const conda::Lock lock = completed(*environment.lock, environment.definition);
        // In full: what reads the file may know nothing of relations (cep-42).
        channels =
            lock.inputs.channel_order.empty() ? lock.inputs.channels : lock.inputs.channel_order;
        for (const conda::LockEntry* entry : conda::entries_by_name(lock)) {
            dependencies.push_back(pinned(*entry));
        }
        for (const conda::PipEntry* entry : conda::pip_by_name(lock)) {
            pip.push_back(fmt::format("{}=={}", entry->name, entry->version));
        }
    } else {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} has no conda packages", label_of(environment)),
            .hint = "export it as azureml or dockerfile"});
    }
    if (!environment.name.empty()) {
        out += fmt::format("name: {}\n", yaml_scalar(environment.name));
    }
    const auto list = [&](std::string_view key, const std::vector<std::string>& items) {
        out += items.empty() ? "" : fmt::format("{}:\n", key);
        for (const std::string& each : items) {
            out += fmt::format("  - {}\n", yaml_scalar(each));
        }
    };
    list("channels", channels);
    list("dependencies", dependencies);
    out += dependencies.empty() && pip.empty() ? "dependencies: []\n" : "";
    if (!pip.empty()) {
        out += dependencies.empty() ? "dependencies:\n" : "";
        out += "  - pip:\n";
        for (const std::string& each : pip) {
            out += fmt::format("      - {}\n", yaml_scalar(each));
        }
    }
    if (environment.specification && !environment.specification->variables.empty()) {
        out += "variables:\n";
        for (const auto& [name, value] : environment.specification->variables) {
            out += fmt::format("  {}: {}\n", yaml_scalar(name), yaml_scalar(value));
        }
    }
    return out;
}

namespace {

std::string pinned(const conda::LockEntry& entry) {
    const std::string& build = entry.record.build;
    return fmt::format(
        "{}={}{}{}", conda::name_of(entry), entry.record.version, build.empty() ? "" : "=", build
    );
}

Result<std::string> export_lock(const ExportedEnvironment& environment, EnvironmentFormat format) {
    if (environment.lock == nullptr) {
        const bool has_packages = environment.definition.kind() == EnvironmentKind::system_managed;
        return fail(Error{
            .code = Code::invalid_input,
            .message = has_packages
                           ? fmt::format(
                               "{} was not resolved yet, so it has no lock", label_of(environment)
                           )
                           : fmt::format("{} has no conda packages", label_of(environment)),
            .hint = has_packages ? "build it first, or export it as environment"
                                 : "export it as azureml or dockerfile"});
    }
    const conda::Lock lock = completed(*environment.lock, environment.definition);
    auto text = format == EnvironmentFormat::conda_lock ? conda::render_conda_lock(lock)
                                                        : conda::render_explicit_lock(lock);
    TRY(text, "while exporting {}", label_of(environment));
    std::string out = definition_comment(environment);
    if (environment.specification && !environment.specification->variables.empty()) {
        out += "# variables:\n";
        for (const auto& [name, value] : environment.specification->variables) {
            out += fmt::format("# | {}: {}\n", yaml_scalar(name), yaml_scalar(value));
        }
    }
    return out + *text;
}

Result<std::string> export_environment_yaml(const ExportedEnvironment& environment) {
    TRY_ASSIGN(const std::string text, environment_yaml(environment));
    return definition_comment(environment) + text;
}

/// What Azure ML's schema has no key for.
Result<void> check_azureml(const ExportedEnvironment& environment) {
    const EnvironmentDefinition& it = environment.definition;
    if (it.build && it.kind() == EnvironmentKind::system_managed) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "Azure ML has no conda packages above a Docker build, as {} has them",
                label_of(environment)
            ),
            .hint = "export it as dockerfile"});
    }
    if (it.build && !it.build->args.empty()) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "Azure ML has no build arguments, as {} has them", label_of(environment)
            ),
            .hint = "make them the defaults of ARG in the Dockerfile"});
    }
    return {};
}

Result<std::string> export_azureml(const ExportedEnvironment& environment) {
    TRY(check_azureml(environment));
    const EnvironmentDefinition& original = environment.definition;
    EnvironmentDefinition it = original;
    it.name =
        environment.name.empty() ? std::nullopt : std::optional(Written{environment.name, {}});
    it.version = environment.version.empty() ? std::nullopt
                                             : std::optional(Written{environment.version, {}});
    std::string out;
    if (environment.base && it.image) {
        out += fmt::format("# {} was {}\n", it.image->text, environment.base->render());
    }
    if (it.platform) {
        out += fmt::format("# platform: {} (Azure ML has no key for it)\n", it.platform->text);
        it.platform.reset();
    }
    if (it.prefix.text != k_default_environment_prefix) {
        out += fmt::format("# prefix: {} (Azure ML has no key for it)\n", it.prefix.text);
        it.prefix.text = k_default_environment_prefix;
    }
    if (it.activate) {
        out += "# activate: true (Azure ML has no key for it)\n";
        it.activate = false;
    }
    if (it.link_scripts != conda::LinkScriptPolicy()) {
        out += fmt::format(
            "# link_scripts: {} (Azure ML has no key for it)\n", it.link_scripts.render()
        );
        it.link_scripts = {};
    }
    if (it.lock || it.conda) {
        const bool names_file = it.lock || it.conda->kind == DefinedConda::Kind::path;
        // One file that stands alone: what the definition named is put into it.
        if (environment.specification || (environment.lock != nullptr && names_file)) {
            TRY_ASSIGN(std::string text, environment_yaml(environment));
            it.conda = DefinedConda{
                .kind = DefinedConda::Kind::inline_text,
                .value = {.text = std::move(text), .span = {}}};
            out += it.lock ? "# a lock, as exact pins: Azure ML knows no hashes of packages\n" : "";
            it.lock.reset();
        }
    }
    if (it.lock) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("the lock of {} is not at hand", label_of(environment)),
            .hint = "build it first"});
    }
    return out + render_definition(it);
}

}  // namespace

}  // namespace kiln::daemon
