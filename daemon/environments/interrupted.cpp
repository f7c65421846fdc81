#include "daemon/environments/interrupted.hpp"

#include "daemon/environments/build.hpp"
#include "daemon/environments/texts.hpp"

namespace kiln::daemon {

Result<std::optional<store::EnvironmentVersion>> interrupted_refresh_of(
    store::Store& store, const store::EnvironmentVersion& version
) {
    std::optional<store::EnvironmentVersion> begun_with;
    TRY_ASSIGN(const auto image, find_environment_image(store, version.hash));
    if (image) {
        return begun_with;
    }
    const store::Environments environments = store.environments();
    const store::HistoryPage one_before{.below = version.number, .at_most = 1};
    TRY_ASSIGN(auto before, environments.history(version.workspace, version.name, one_before));
    if (before.empty()) {
        return begun_with;
    }
    TRY_ASSIGN(const auto built, find_environment_image(store, before.front().hash));
    TRY_ASSIGN(const EnvironmentTexts now, read_environment_texts(environments, version));
    TRY_ASSIGN(const EnvironmentTexts then, read_environment_texts(environments, before.front()));
    EnvironmentInputs moved = then.inputs;
    moved.base = now.inputs.base;
    if (moved.docker && now.inputs.docker) {
        moved.docker->images = now.inputs.docker->images;
    }
    if (built && moved.render() == now.inputs.render()) {
        begun_with = std::move(before.front());
    }
    return begun_with;
}

}  // namespace kiln::daemon
