#pragma once

#include "layers/dockerfile/expand.hpp"
#include "layers/dockerfile/instruction.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// The variables of one stage while it is planned: ENV goes before ARG.
class Variables {
  public:
    /// `build_args`: --build-arg and platform values; `globals`: ARGs before the first FROM, with
    /// their values.
    Variables(
        const std::map<std::string, std::string>& build_args,
        const std::map<std::string, std::string>& globals
    )
        : build_args_(build_args),
          globals_(globals) {}

    /// ARG of the stage: --build-arg first, then the default, then the global ARG of the same name.
    Result<void> declare(
        const dockerfile::Arg& arg, const std::vector<std::string>& env, char escape
    );

    /// For expansion: `env` is the config's list ("NAME=value").
    [[nodiscard]] dockerfile::Lookup lookup(const std::vector<std::string>& env) const;

    /// Declared ARGs with a value that no ENV hides, as RUN sees them, sorted.
    [[nodiscard]] std::vector<std::string> for_run(const std::vector<std::string>& env) const;
    /// --build-arg HTTP_PROXY and its like: usable in RUN without ARG, and no part of a key.
    [[nodiscard]] std::vector<std::string> proxies() const;

    /// Names of --build-arg that no ARG asked for are the caller's warning.
    [[nodiscard]] bool declared(const std::string& name) const { return args_.contains(name); }

  private:
    const std::map<std::string, std::string>& build_args_;
    const std::map<std::string, std::string>& globals_;
    std::map<std::string, std::optional<std::string>> args_;
};

/// TARGETPLATFORM, BUILDARCH and their like, for the host's platform.
std::map<std::string, std::string> platform_arguments(std::string_view target_stage);

bool is_proxy_name(std::string_view name);

}  // namespace kiln::daemon
