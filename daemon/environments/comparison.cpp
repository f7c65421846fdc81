#include "daemon/environments/comparison.hpp"

#include "daemon/environments/texts.hpp"
#include "layers/conda/input/input.hpp"

namespace kiln::daemon {
namespace {

/// All that is compared of a version.
struct Side {
    std::string record;
    std::string base_name;
    std::optional<conda::Lock> lock;

    static Result<Side> read(
        const store::Environments& environments, const store::EnvironmentVersion& version
    ) {
        Side side;
        TRY_ASSIGN(side.record, environments.document(version.hash));
        TRY_ASSIGN(const std::string text, environments.document(version.inputs));
        TRY_ASSIGN(const EnvironmentInputs inputs, EnvironmentInputs::parse(text));
        side.base_name = inputs.base ? inputs.base->name : "";
        TRY_ASSIGN(side.lock, read_environment_lock(environments, version));
        return side;
    }

    [[nodiscard]] ComparedEnvironment compared() const {
        return {.record = record, .base_name = base_name, .lock = lock ? &*lock : nullptr};
    }
};

json::Value text_or_null(const std::string& text) {
    return text.empty() ? json::Value(nullptr) : json::Value(text);
}

}  // namespace

Result<std::vector<EnvironmentDifference>> compare_environments(
    store::Store& store,
    const store::EnvironmentVersion& before,
    const store::EnvironmentVersion& after
) {
    if (before.hash == after.hash) {
        return std::vector<EnvironmentDifference>();
    }
    const store::Environments environments = store.environments();
    TRY_ASSIGN(const Side first, Side::read(environments, before));
    TRY_ASSIGN(const Side second, Side::read(environments, after));
    return explain_environments(first.compared(), second.compared());
}

Result<std::vector<EnvironmentDifference>> compare_with_new(
    store::Store& store,
    const store::EnvironmentVersion& before,
    std::string_view after_record,
    const std::string& after_base
) {
    TRY_ASSIGN(const Side first, Side::read(store.environments(), before));
    return explain_environments(
        first.compared(), {.record = after_record, .base_name = after_base}
    );
}

Result<std::vector<EnvironmentDifference>> compare_lock(
    store::Store& store, const store::EnvironmentVersion& version, const NamedText& lock
) {
    const store::Environments environments = store.environments();
    TRY_ASSIGN(const Side before, Side::read(environments, version));
    TRY_ASSIGN(const EnvironmentTexts texts, read_environment_texts(environments, version));
    TRY_ASSIGN(const std::string platform, conda_platform_of(texts.definition));
    TRY_ASSIGN(
        const conda::Lock after,
        conda::read_conda_lock(lock.text, lock.name, {.platform = platform})
    );
    ComparedEnvironment locked = before.compared();
    locked.lock = &after;
    return explain_environments(before.compared(), locked);
}

json::Array render_differences(const std::vector<EnvironmentDifference>& differences) {
    json::Array rendered;
    for (const EnvironmentDifference& each : differences) {
        rendered.push_back(json::Object{
            {"change", environment_change_name(each.change)},
            {"sentence", each.sentence},
            {"before", text_or_null(each.before)},
            {"after", text_or_null(each.after)}});
    }
    return rendered;
}

}  // namespace kiln::daemon
