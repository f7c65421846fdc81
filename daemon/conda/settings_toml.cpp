#include "daemon/conda/settings_toml.hpp"

#include "daemon/conda/lock_request.hpp"

namespace kiln::daemon {
namespace {

Result<void> read_priority(
    CondaSettings& settings, const TomlReader& reader, const toml::node& node
) {
    TRY_ASSIGN(const std::string name, reader.text(node, "channel_priority"));
    const auto priority = parse_priority(name);
    if (!priority) {
        return fail(reader.refused(
            "\"channel_priority\" must be \"strict\", \"flexible\" or \"disabled\"", node
        ));
    }
    settings.priority = *priority;
    return {};
}

/// A table of URLs or names to one or several.
Result<void> read_lists(
    std::map<std::string, std::vector<std::string>, std::less<>>& lists,
    const TomlReader& reader,
    const toml::node& node,
    std::string_view key
) {
    TRY_ASSIGN(const toml::table* table, reader.table(node, key));
    for (const auto& [name, value] : *table) {
        TRY_ASSIGN(lists[std::string(name.str())], reader.texts(value, name.str()));
    }
    return {};
}

Result<void> read_custom_channels(
    CondaSettings& settings, const TomlReader& reader, const toml::node& node
) {
    TRY_ASSIGN(const toml::table* table, reader.table(node, "custom_channels"));
    for (const auto& [name, value] : *table) {
        TRY_ASSIGN(
            settings.channels.custom_channels[std::string(name.str())],
            reader.text(value, name.str())
        );
    }
    return {};
}

Result<conda::ChannelSecret> read_secret(const TomlReader& reader, const toml::table& table) {
    conda::ChannelSecret secret;
    for (const auto& [key, node] : table) {
        std::string* field = key.str() == "token"      ? &secret.token
                             : key.str() == "username" ? &secret.user
                             : key.str() == "password" ? &secret.password
                                                       : nullptr;
        if (field == nullptr) {
            return fail(reader.unknown(key.str(), node));
        }
        TRY_ASSIGN(*field, reader.text(node, key.str()));
    }
    if (secret.is_empty()) {
        return fail(reader.refused("credentials are a token, or username and password", table));
    }
    return secret;
}

Result<void> read_credentials(
    CondaSettings& settings, const TomlReader& reader, const toml::node& node
) {
    TRY_ASSIGN(const toml::table* table, reader.table(node, "credentials"));
    for (const auto& [url, value] : *table) {
        const std::string base(url.str());
        const std::size_t scheme = base.find("://");
        const std::string name = base.substr(0, std::min(scheme, base.size()));
        if (name != "https" && name != "http" && name != "oci") {
            return fail(reader.refused("credentials belong to an https:// or oci:// URL", value));
        }
        TRY_ASSIGN(const toml::table* fields, reader.table(value, url.str()));
        TRY_ASSIGN(settings.secrets[base], read_secret(reader, *fields));
    }
    return {};
}

}  // namespace

Result<CondaSettings> read_conda_settings(const TomlReader& reader, const toml::table& table) {
    CondaSettings settings;
    for (const auto& [key, node] : table) {
        const std::string_view name = key.str();
        if (name == "channel_alias") {
            TRY_ASSIGN(settings.channels.alias, reader.text(node, name));
        } else if (name == "default_channels") {
            TRY_ASSIGN(settings.channels.default_channels, reader.texts(node, name));
        } else if (name == "channel_priority") {
            TRY(read_priority(settings, reader, node));
        } else if (name == "channel_relations_max_depth") {
            TRY_ASSIGN(const std::int64_t depth, reader.number(node, name));
            settings.channel_relations_max_depth = static_cast<std::size_t>(depth);
        } else if (name == "pinned_packages") {
            TRY_ASSIGN(const std::vector<std::string> written, reader.texts(node, name));
            auto pins = parse_pins(written);
            if (!pins) {
                return fail(reader.refused(pins.error().message, node));
            }
            settings.pinned_packages = std::move(*pins);
        } else if (name == "custom_channels") {
            TRY(read_custom_channels(settings, reader, node));
        } else if (name == "custom_multichannels") {
            TRY(read_lists(settings.channels.custom_multichannels, reader, node, name));
        } else if (name == "mirrors") {
            TRY(read_lists(settings.channels.mirrors, reader, node, name));
        } else if (name == "credentials") {
            TRY(read_credentials(settings, reader, node));
        } else {
            return fail(reader.unknown(name, node));
        }
    }
    return settings;
}

}  // namespace kiln::daemon
