#pragma once

#include "daemon/environments/definition.hpp"
#include "layers/conda/input/specification.hpp"
#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"
#include "store/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::daemon {

enum class EnvironmentFormat : std::uint8_t {
    conda_lock,     // conda-lock.yml v1
    explicit_list,  // @EXPLICIT
    environment,    // environment.yml
    azureml,        // the definition as `az ml environment create -f` reads it
    dockerfile,
};

/// Errors   invalid_input with the formats there are.
Result<EnvironmentFormat> parse_environment_format(std::string_view name);
std::string_view environment_format_name(EnvironmentFormat format);

/// An environment with all that is known of it; nothing of it is opened.
struct ExportedEnvironment {
    const EnvironmentDefinition& definition;
    std::string name;                 // "torch-train"; empty: anonymous
    std::string version;              // empty: none
    std::optional<Digest> base = {};  // what `image` stands for
    std::optional<conda::Specification> specification = {};
    const conda::Lock* lock = nullptr;  // given, or resolved when it was built
    std::string dockerfile = {};        // the text, where there are Docker steps
};

/// One text file in the format. What a format has no place for stands in comments at its beginning
/// (base image, Docker steps, pip packages): nothing is left out silently.
/// Errors   invalid_input, unsupported: what the format cannot say at all, and which format can
///          (a lock of an environment that was not resolved, an image alone as environment.yml).
Result<std::string> export_environment(
    const ExportedEnvironment& environment, EnvironmentFormat format
);

}  // namespace kiln::daemon
