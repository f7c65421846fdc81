#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::client {

/// The variables the program was started with, handed to whoever may look at them.
class Environment {
  public:
    using Variables = std::map<std::string, std::string, std::less<>>;

    Environment() = default;

    explicit Environment(Variables variables)
        : variables_(std::move(variables)) {}

    /// The process's own.
    static Environment of_process();

    /// nullopt when unset or empty: an empty variable means "not set" in every rule that we follow.
    [[nodiscard]] std::optional<std::string> find(std::string_view name) const;

    /// `$XDG_CONFIG_HOME/kiln`, `$XDG_CACHE_HOME/kiln`; below $HOME where these are unset, nullopt
    /// where that is unset too.
    [[nodiscard]] std::optional<std::string> config_directory() const;
    [[nodiscard]] std::optional<std::string> cache_directory() const;

  private:
    [[nodiscard]] std::optional<std::string> xdg_directory(
        std::string_view variable, std::string_view below_home
    ) const;

    Variables variables_;
};

}  // namespace kiln::client
