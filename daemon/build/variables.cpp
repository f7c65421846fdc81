#include "daemon/build/variables.hpp"

#include "layers/oci/image_config.hpp"
#include "layers/oci/platform.hpp"

#include <algorithm>
#include <array>

namespace kiln::daemon {
namespace {

constexpr std::array<std::string_view, 10> k_proxies{
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy"};

std::optional<std::string> find(
    const std::map<std::string, std::string>& map, std::string_view name
) {
    const auto found = map.find(std::string(name));
    return found == map.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

bool is_proxy_name(std::string_view name) {
    return std::find(k_proxies.begin(), k_proxies.end(), name) != k_proxies.end();
}

Result<void> Variables::declare(
    const dockerfile::Arg& arg, const std::vector<std::string>& env, char escape
) {
    for (const dockerfile::Arg::Variable& variable : arg.variables) {
        TRY_ASSIGN(
            const std::string name, dockerfile::expand_word(variable.name, lookup(env), escape)
        );
        std::optional<std::string> value = find(build_args_, name);
        if (!value && variable.value) {
            TRY_ASSIGN(
                std::string text, dockerfile::expand_word(*variable.value, lookup(env), escape)
            );
            value = std::move(text);
        }
        if (!value) {
            value = find(globals_, name);
        }
        args_[name] = std::move(value);
    }
    return {};
}

dockerfile::Lookup Variables::lookup(const std::vector<std::string>& env) const {
    return [this, &env](std::string_view name) -> std::optional<std::string> {
        if (auto value = oci::find_env(env, name)) {
            return value;
        }
        const auto arg = args_.find(std::string(name));
        return arg == args_.end() ? std::nullopt : arg->second;
    };
}

std::vector<std::string> Variables::for_run(const std::vector<std::string>& env) const {
    std::vector<std::string> visible;
    for (const auto& [name, value] : args_) {
        if (value && !oci::find_env(env, name)) {
            visible.push_back(name + "=" + *value);
        }
    }
    return visible;
}

std::vector<std::string> Variables::proxies() const {
    std::vector<std::string> given;
    for (const auto& [name, value] : build_args_) {
        if (is_proxy_name(name) && !args_.contains(name)) {
            given.push_back(name + "=" + value);
        }
    }
    return given;
}

std::map<std::string, std::string> platform_arguments(std::string_view target_stage) {
    const oci::Platform host = oci::Platform::host();
    std::map<std::string, std::string> values;
    for (const std::string side : {"BUILD", "TARGET"}) {
        values[side + "PLATFORM"] = host.render();
        values[side + "OS"] = host.os;
        values[side + "ARCH"] = host.architecture;
        values[side + "VARIANT"] = host.variant;
    }
    values["TARGETSTAGE"] = target_stage.empty() ? "default" : std::string(target_stage);
    return values;
}

}  // namespace kiln::daemon
