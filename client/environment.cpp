#include "client/environment.hpp"

#include <unistd.h>

namespace kiln::client {

Environment Environment::of_process() {
    Variables variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) {
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return Environment(std::move(variables));
}

std::optional<std::string> Environment::find(std::string_view name) const {
    const auto found = variables_.find(name);
    if (found == variables_.end() || found->second.empty()) {
        return std::nullopt;
    }
    return found->second;
}

std::optional<std::string> Environment::config_directory() const {
    return xdg_directory("XDG_CONFIG_HOME", "/.config");
}

std::optional<std::string> Environment::cache_directory() const {
    return xdg_directory("XDG_CACHE_HOME", "/.cache");
}

std::optional<std::string> Environment::xdg_directory(
    std::string_view variable, std::string_view below_home
) const {
    // Relative paths are invalid there and must be ignored (XDG base directory specification).
    if (auto directory = find(variable); directory && directory->front() == '/') {
        return *directory + "/kiln";
    }
    if (auto home = find("HOME")) {
        return *home + std::string(below_home) + "/kiln";
    }
    return std::nullopt;
}

}  // namespace kiln::client
