#include "daemon/environments/texts.hpp"

#include "daemon/conda/lock_request.hpp"
#include "layers/conda/input/input.hpp"

namespace kiln::daemon {

Result<EnvironmentTexts> read_environment_texts(
    const store::Environments& environments, const store::EnvironmentVersion& version
) {
    TRY_ASSIGN(const std::string text, environments.document(version.inputs));
    TRY_ASSIGN(EnvironmentInputs inputs, EnvironmentInputs::parse(text));
    const DefinitionRules rules{
        DefinitionRules::Name::optional, DefinitionRules::Reserved::allowed};
    TRY_ASSIGN(
        EnvironmentDefinition definition,
        parse_definition(inputs.definition.text, inputs.definition.name, rules)
    );
    return EnvironmentTexts{std::move(inputs), std::move(definition)};
}

Result<std::string> conda_platform_of(const EnvironmentDefinition& definition) {
    return conda_platform(definition.platform_or(oci::Platform::host()));
}

Result<LockPlan> plan_environment_lock(
    const EnvironmentInputs& inputs, const std::string& platform, const CondaSettings& settings
) {
    LockRequest wanted;
    wanted.input = *inputs.conda;
    wanted.channels = inputs.default_channels;
    return plan_lock(wanted, platform, settings);
}

Result<std::optional<conda::Lock>> read_environment_lock(
    const store::Environments& environments, const store::EnvironmentVersion& version
) {
    TRY_ASSIGN(const auto images, environments.images(version.hash));
    if (images.empty() || !images.front().lock) {
        return std::optional<conda::Lock>();
    }
    TRY_ASSIGN(const EnvironmentTexts texts, read_environment_texts(environments, version));
    TRY_ASSIGN(const std::string platform, conda_platform_of(texts.definition));
    TRY_ASSIGN(const std::string text, environments.document(*images.front().lock));
    TRY_ASSIGN(
        conda::Lock lock,
        conda::read_conda_lock(text, "the lock of " + version.name, {.platform = platform})
    );
    return std::optional(std::move(lock));
}

}  // namespace kiln::daemon
