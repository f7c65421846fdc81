#pragma once

#include "store/base/json.hpp"
#include "store/environment_records.hpp"
#include "store/store.hpp"

#include <map>
#include <optional>
#include <string>

namespace kiln::daemon {

/// What of a version may change; each absent where it stays.
struct EnvironmentEdit {
    std::optional<std::string> description;
    std::map<std::string, std::string> tags;  // an empty value takes the tag away
    std::map<std::string, std::string> properties;
    std::optional<bool> archived;

    static Result<EnvironmentEdit> parse(const json::Value& value);
};

/// Its row afterwards, as JSON text. Errors   permission: it is a curated one.
Result<std::string> edit_version(
    store::Store& store, const store::EnvironmentVersion& version, const EnvironmentEdit& edit
);

/// Of every version of a name, whose history it answers as JSON text.
/// Errors   invalid_input: of all only whether they are archived can change at once; permission.
Result<std::string> edit_all_versions(
    store::Store& store,
    const std::string& workspace,
    const std::string& name,
    const EnvironmentEdit& edit
);

}  // namespace kiln::daemon
