#include "daemon/config.hpp"

#include <toml++/toml.h>

#include <array>

namespace kiln::daemon {
namespace {

Span span_of(const toml::source_region& region, const std::string& file) {
    return Span{file, region.begin.line, region.begin.column, region.end.column};
}

Error refused(std::string message, const toml::node& node, const std::string& file) {
    return Error{
        .code = Code::invalid_input,
        .message = std::move(message),
        .where = span_of(node.source(), file)};
}

Result<std::string> read_text(
    const toml::node& node, std::string_view key, const std::string& file
) {
    if (const auto text = node.value_exact<std::string>()) {
        return *text;
    }
    return fail(refused(fmt::format("\"{}\" must be a string", key), node, file));
}

Result<std::int64_t> read_number(
    const toml::node& node, std::string_view key, const std::string& file
) {
    const auto number = node.value_exact<std::int64_t>();
    if (number && *number >= 0) {
        return *number;
    }
    return fail(refused(fmt::format("\"{}\" must be a whole number, not negative", key), node, file)
    );
}

Result<void> read_setting(
    Config& config, std::string_view key, const toml::node& node, const std::string& file
) {
    if (key == "root") {
        TRY_ASSIGN(config.root, read_text(node, key, file));
    } else if (key == "socket") {
        TRY_ASSIGN(config.socket, read_text(node, key, file));
    } else if (key == "log_level") {
        TRY_ASSIGN(config.log_level, read_text(node, key, file));
    } else if (key == "workers") {
        TRY_ASSIGN(const std::int64_t workers, read_number(node, key, file));
        if (workers < 1 || workers > 1024) {
            return fail(refused("\"workers\" must be 1 to 1024", node, file));
        }
        config.workers = static_cast<std::size_t>(workers);
    } else if (key == "allowed_uids" || key == "insecure_registries") {
        const toml::array* array = node.as_array();
        if (array == nullptr) {
            return fail(refused(fmt::format("\"{}\" must be an array", key), node, file));
        }
        for (const toml::node& item : *array) {
            if (key == "allowed_uids") {
                TRY_ASSIGN(const std::int64_t uid, read_number(item, key, file));
                config.allowed_uids.push_back(static_cast<std::uint32_t>(uid));
            } else {
                TRY_ASSIGN(std::string host, read_text(item, key, file));
                config.insecure_registries.push_back(std::move(host));
            }
        }
    } else {
        return fail(refused(fmt::format("there is no setting \"{}\"", key), node, file));
    }
    return {};
}

}  // namespace

Result<Config> Config::parse(const std::string& text, const std::string& file) {
    Config config;
    try {
        const toml::table table = toml::parse(text, file);
        for (const auto& [key, node] : table) {
            TRY(read_setting(config, key.str(), node, file));
        }
    } catch (const toml::parse_error& error) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is no TOML: {}", file, error.description()),
            .where = span_of(error.source(), file)});
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
