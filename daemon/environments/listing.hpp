#pragma once

#include "store/base/bytes.hpp"
#include "store/base/json.hpp"
#include "store/environments.hpp"
#include "store/store.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kiln::daemon {

/// A version as a list shows it: no text of it is read.
Result<json::Object> render_environment_row(
    store::Store& store, const store::EnvironmentVersion& version
);

// Lists are written as text at once, and long ones part by part: whoever reads ten thousand
// versions has the first while the next are made. No error comes after the first part but one of
// the store.

/// {"environments": [row…]}: the latest version of every name of the workspace.
Result<void> write_environments(
    store::Store& store, std::string_view workspace, bool with_archived, ByteSink& out
);

/// {"versions": [row…]}: every version of a name, the newest first, each with the changes from the
/// one before it. What they are is kept, and told from memory as long as neither of the two has
/// another lock.
/// Errors   not_found.
Result<void> write_environment_history(
    store::Store& store,
    std::string_view workspace,
    const std::string& name,
    bool with_archived,
    ByteSink& out
);

/// Fills in what `version`, which is about to be added behind `before`, will be told to differ in.
/// `record` is its canonical one, `base_name` the name of its base.
/// Errors   corrupt.
Result<void> note_difference(
    store::Store& store,
    const store::EnvironmentVersion& before,
    store::EnvironmentVersion& version,
    std::string_view record,
    const std::string& base_name
);

}  // namespace kiln::daemon
