#pragma once

#include <string>
#include <string_view>

namespace kiln::client {

/// Where the daemon has an environment that the user named.
struct EnvironmentPlace {
    std::string name;     // "@anonymous" for one that is known by its hash
    std::string version;  // empty: all versions

    /// "NAME", "NAME:VERSION", with "env:" before it or not, or a hash. What is no name is refused
    /// by the daemon.
    static EnvironmentPlace parse(std::string_view reference);
    [[nodiscard]] EnvironmentPlace or_latest() const;
    /// "/v1/environments/train/3/copies?workspace=default"
    [[nodiscard]] std::string target(const std::string& workspace, std::string_view below = "")
        const;
};

}  // namespace kiln::client
