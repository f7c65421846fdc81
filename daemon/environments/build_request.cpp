#include "daemon/environments/build_request.hpp"

#include "layers/dockerfile/parser.hpp"
#include "store/base/limits.hpp"

namespace kiln::daemon {
namespace {

constexpr std::string_view k_plain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

/// A value as ENV reads it, between quotes where it must be.
std::string quoted(std::string_view value, char escape) {
    if (!value.empty() && value.find_first_not_of(k_plain) == std::string_view::npos) {
        return std::string(value);
    }
    std::string text = "\"";
    for (const char c : value) {
        if (c == '"' || c == '$' || c == escape) {
            text += escape;
        }
        text += c;
    }
    return text + '"';
}

std::string conda_steps(
    const std::string& prefix, const EnvironmentVariables& variables, char escape
) {
    const std::string place = quoted(prefix, escape);
    std::string text = fmt::format("COPY --link --from={} / /\n", k_conda_context);
    text += fmt::format("ENV PATH={0}/bin:$PATH CONDA_PREFIX={0} CONDA_DEFAULT_ENV={0}", place);
    for (const auto& [name, value] : variables) {
        text += fmt::format(" {}={}", name, quoted(value, escape));
    }
    return text + '\n';
}

}  // namespace

Result<BuildRequest> environment_build_request(
    const EnvironmentDefinition& definition,
    const EnvironmentInputs& inputs,
    const std::optional<NamedText>& conda,
    const EnvironmentVariables& variables
) {
    BuildRequest request;
    char escape = '\\';
    if (inputs.docker) {
        TRY_ASSIGN(
            const auto dockerfile,
            dockerfile::parse(inputs.docker->dockerfile.text, inputs.docker->dockerfile.name)
        );
        escape = dockerfile.directives.escape;
        request.dockerfile = inputs.docker->dockerfile;
        request.ignore = inputs.docker->ignore;
        request.context = inputs.docker->context;
        for (const auto& [name, manifest] : inputs.docker->images) {
            request.contexts.emplace(name, ImageContext{manifest.digest.render()});
        }
    } else if (inputs.base) {
        request.dockerfile = {inputs.definition.name, fmt::format("FROM {}\n", inputs.base->name)};
        request.contexts.emplace(
            inputs.base->name, ImageContext{inputs.base->manifest.digest.render()}
        );
    }
    if (definition.build) {
        request.build_args = definition.build->args;
    }
    if (conda) {
        const std::string& prefix = definition.prefix.text;
        CondaContext context{.lock = *conda, .prefix = prefix};
        context.activate = definition.activate;
        request.contexts.emplace(k_conda_context, std::move(context));
        request.link_scripts = definition.link_scripts;
        request.dockerfile.text += '\n' + conda_steps(prefix, variables, escape);
    }
    request.max_layers = limits::k_image_layers;
    return request;
}

}  // namespace kiln::daemon
