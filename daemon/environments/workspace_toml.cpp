#include "daemon/environments/workspace_toml.hpp"

#include "daemon/environments/naming.hpp"
#include "layers/oci/reference.hpp"

namespace kiln::daemon {
namespace {

Result<std::string> read_registry(const TomlReader& reader, const toml::node& node) {
    TRY_ASSIGN(std::string prefix, reader.text(node, "registry"));
    while (prefix.ends_with('/')) {
        prefix.pop_back();
    }
    // A host comes first: without one the images would be looked for at a public registry.
    const auto reference = oci::Reference::parse(prefix + "/x");
    const bool has_host =
        prefix.find_first_of(".:") < prefix.find('/') || prefix.starts_with("localhost");
    if (!reference || !has_host) {
        return fail(reader.refused("\"registry\" must be HOST or HOST/PREFIX", node));
    }
    return prefix;
}

Result<std::string> read_curated_source(const TomlReader& reader, const toml::node& node) {
    TRY_ASSIGN(std::string source, reader.text(node, "curated_source"));
    if (source.empty()) {
        return fail(reader.refused("\"curated_source\" is empty", node));
    }
    if (source.starts_with(k_followed_workspace)) {
        const auto named = check_workspace_name(source.substr(k_followed_workspace.size()));
        if (!named) {
            return fail(reader.refused(named.error().message, node));
        }
    }
    return source;
}

/// Whether following from one to the next comes back to where it began.
bool follows_itself(const Workspaces& workspaces, const std::string& name) {
    std::string_view at = name;
    for (std::size_t steps = 0; steps <= workspaces.size() && !at.empty(); ++steps) {
        at = followed_by(settings_of(workspaces, at));
        if (at == name) {
            return true;
        }
    }
    return false;
}

Result<WorkspaceSettings> read_workspace(const TomlReader& reader, const toml::table& table) {
    WorkspaceSettings settings;
    for (const auto& [key, node] : table) {
        const std::string_view name = key.str();
        if (name == "registry") {
            TRY_ASSIGN(settings.registry, read_registry(reader, node));
        } else if (name == "default_channels") {
            TRY_ASSIGN(settings.default_channels, reader.texts(node, name));
        } else if (name == "curated_source") {
            TRY_ASSIGN(settings.curated_source, read_curated_source(reader, node));
        } else if (name == "environments_at_most") {
            TRY_ASSIGN(const std::int64_t count, reader.number(node, name));
            if (count < 1) {
                return fail(reader.refused("\"environments_at_most\" must be 1 or more", node));
            }
            settings.environments_at_most = static_cast<std::size_t>(count);
        } else {
            return fail(reader.unknown(name, node));
        }
    }
    return settings;
}

}  // namespace

Result<Workspaces> read_workspaces(const TomlReader& reader, const toml::table& table) {
    Workspaces workspaces;
    for (const auto& [key, node] : table) {
        if (const auto named = check_workspace_name(key.str()); !named) {
            return fail(reader.refused(named.error().message, node));
        }
        TRY_ASSIGN(const toml::table* settings, reader.table(node, key.str()));
        TRY_ASSIGN(workspaces[std::string(key.str())], read_workspace(reader, *settings));
    }
    for (const auto& [key, node] : table) {
        if (follows_itself(workspaces, std::string(key.str()))) {
            const std::string message = fmt::format("the workspace {} follows itself", key.str());
            return fail(reader.refused(message, node));
        }
    }
    return workspaces;
}

}  // namespace kiln::daemon
