#pragma once

#include "daemon/conda/settings.hpp"
#include "daemon/environments/workspace.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// kilnd.toml. Command-line options go before it; what neither says is the default.
struct Config {
    std::optional<std::string> root;
    std::optional<std::string> socket;
    std::optional<std::string> log_level;
    std::optional<std::size_t> workers;
    std::vector<std::uint32_t>
        allowed_uids;  // beyond root, the daemon's own user and the socket's group
    std::vector<std::string>
        insecure_registries;  // plain http, or https without verification, beyond loopback
    CondaSettings conda;
    Workspaces workspaces;

    /// Errors   invalid_input with the place; unknown keys are refused.
    static Result<Config> parse(const std::string& text, const std::string& file);
};

/// Where kilnd lives when nobody says: as root below /var/lib and /run, else below the XDG
/// directories.
struct DefaultPaths {
    std::string root;
    std::string socket;
    std::string config;
};

using Environment = std::optional<std::string> (*)(const char* name);
Result<DefaultPaths> default_paths(bool is_root, Environment environment);

}  // namespace kiln::daemon
