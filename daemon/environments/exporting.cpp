#include "daemon/environments/exporting.hpp"

#include "daemon/environments/texts.hpp"
#include "layers/conda/input/input.hpp"

namespace kiln::daemon {

Result<std::string> export_version(
    store::Store& store, const store::EnvironmentVersion& version, EnvironmentFormat format
) {
    const store::Environments environments = store.environments();
    TRY_ASSIGN(const EnvironmentTexts texts, read_environment_texts(environments, version));
    TRY_ASSIGN(std::optional<conda::Lock> lock, read_environment_lock(environments, version));
    ExportedEnvironment exported{
        .definition = texts.definition, .name = version.name, .version = version.version};
    if (texts.inputs.base) {
        exported.base = texts.inputs.base->manifest.digest;
    }
    if (texts.inputs.docker) {
        exported.dockerfile = texts.inputs.docker->dockerfile.text;
    }
    if (const auto& conda = texts.inputs.conda) {
        TRY_ASSIGN(const std::string platform, conda_platform_of(texts.definition));
        TRY_ASSIGN(
            conda::CondaInput input,
            conda::read_conda_input(conda->text, conda->name, {.platform = platform})
        );
        if (auto* specification = std::get_if<conda::Specification>(&input)) {
            exported.specification = std::move(*specification);
        } else if (!lock) {
            lock = std::get<conda::Lock>(std::move(input));
        }
    }
    exported.lock = lock ? &*lock : nullptr;
    return export_environment(exported, format);
}

}  // namespace kiln::daemon
