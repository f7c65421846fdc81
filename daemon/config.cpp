#include "daemon/config.hpp"

#include "daemon/conda/settings_toml.hpp"
#include "daemon/environments/workspace_toml.hpp"
#include "daemon/toml_reader.hpp"

namespace kiln::daemon {
namespace {

Result<std::size_t> read_workers(const TomlReader& reader, const toml::node& node) {
    TRY_ASSIGN(const std::int64_t workers, reader.number(node, "workers"));
    if (workers < 1 || workers > 1024) {
        return fail(reader.refused("\"workers\" must be 1 to 1024", node));
    }
    return static_cast<std::size_t>(workers);
}

Result<std::vector<std::uint32_t>> read_uids(const TomlReader& reader, const toml::node& node) {
    TRY_ASSIGN(const toml::array* items, reader.array(node, "allowed_uids"));
    std::vector<std::uint32_t> uids;
    for (const toml::node& item : *items) {
        TRY_ASSIGN(const std::int64_t uid, reader.number(item, "allowed_uids"));
        uids.push_back(static_cast<std::uint32_t>(uid));
    }
    return uids;
}

Result<void> read_setting(
    Config& config, std::string_view key, const toml::node& node, const TomlReader& reader
) {
    if (key == "root") {
        TRY_ASSIGN(config.root, reader.text(node, key));
    } else if (key == "socket") {
        TRY_ASSIGN(config.socket, reader.text(node, key));
    } else if (key == "log_level") {
        TRY_ASSIGN(config.log_level, reader.text(node, key));
    } else if (key == "workers") {
        TRY_ASSIGN(config.workers, read_workers(reader, node));
    } else if (key == "allowed_uids") {
        TRY_ASSIGN(config.allowed_uids, read_uids(reader, node));
    } else if (key == "insecure_registries") {
        TRY_ASSIGN(config.insecure_registries, reader.texts(node, key));
    } else if (key == "conda") {
        TRY_ASSIGN(const toml::table* table, reader.table(node, key));
        TRY_ASSIGN(config.conda, read_conda_settings(reader, *table));
    } else if (key == "workspaces") {
        TRY_ASSIGN(const toml::table* table, reader.table(node, key));
        TRY_ASSIGN(config.workspaces, read_workspaces(reader, *table));
    } else {
        return fail(reader.unknown(key, node));
    }
    return {};
}

}  // namespace

Result<Config> Config::parse(const std::string& text, const std::string& file) {
    Config config;
    const TomlReader reader(file);
    try {
        const toml::table table = toml::parse(text, file);
        for (const auto& [key, node] : table) {
            TRY(read_setting(config, key.str(), node, reader));
        }
    } catch (const toml::parse_error& error) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is no TOML: {}", file, error.description()),
            .where = reader.span_of(error.source())});
    }
    return config;
}

Result<DefaultPaths> default_paths(bool is_root, Environment environment) {
    if (is_root) {
        return DefaultPaths{"/var/lib/kiln", "/run/kiln/kilnd.sock", "/etc/kiln/kilnd.toml"};
    }
    const auto home = environment("HOME");
    const auto data = environment("XDG_DATA_HOME");
    const auto runtime = environment("XDG_RUNTIME_DIR");
    if (!runtime || (!data && !home)) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = "XDG_RUNTIME_DIR or HOME is not set",
            .hint = "say --root and --socket"});
    }
    return DefaultPaths{
        (data ? *data : *home + "/.local/share") + "/kiln",
        *runtime + "/kiln/kilnd.sock",
        "/etc/kiln/kilnd.toml"};
}

}  // namespace kiln::daemon
