#include "daemon/environments/identity.hpp"

#include "daemon/conda/lock_request.hpp"
#include "layers/conda/input/input.hpp"
#include "store/hasher.hpp"

namespace kiln::daemon {
namespace {

ResolvedBuild resolve(const DefinedBuild& defined, const DockerInputs& docker) {
    ResolvedBuild build;
    build.context = docker.context;
    build.dockerfile = digest_of(docker.dockerfile.text);
    build.dockerfile_path = defined.dockerfile_path.text;
    build.args = defined.args;
    for (const auto& [name, manifest] : docker.images) {
        build.images.emplace(name, manifest.digest);
    }
    return build;
}

Result<void> resolve_conda(
    ResolvedDefinition& resolved, const EnvironmentDefinition& definition, const NamedText& text
) {
    conda::InputOptions options;
    TRY_ASSIGN(
        options.platform,
        conda_platform(resolved.platform.os + "/" + resolved.platform.architecture)
    );
    TRY_ASSIGN(conda::CondaInput input, conda::read_conda_input(text.text, text.name, options));
    if (auto* lock = std::get_if<conda::Lock>(&input)) {
        resolved.conda = std::move(*lock);
        return {};
    }
    if (definition.lock) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is no lock: its packages are not resolved", text.name),
            .where = definition.lock->span,
            .hint = "give it as conda_file, or resolve it with kiln conda lock"});
    }
    resolved.conda = ResolvedSpecification{std::get<conda::Specification>(std::move(input))};
    return {};
}

}  // namespace

Result<CanonicalRecord> identify(
    const EnvironmentDefinition& definition, const EnvironmentInputs& inputs
) {
    ResolvedDefinition resolved;
    resolved.platform = definition.platform_or(oci::Platform::host());
    resolved.prefix = definition.prefix.text;
    if (inputs.conda) {
        resolved.activate = definition.activate;
        resolved.link_scripts = definition.link_scripts;
    }
    if (inputs.base) {
        resolved.base = inputs.base->manifest.digest;
    }
    if (definition.build && inputs.docker) {
        resolved.build = resolve(*definition.build, *inputs.docker);
    }
    if (inputs.conda) {
        TRY(resolve_conda(resolved, definition, *inputs.conda));
    }
    return canonical_record(resolved);
}

}  // namespace kiln::daemon
