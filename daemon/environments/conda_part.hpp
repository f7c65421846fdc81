#pragma once

#include "daemon/environments/canonical.hpp"
#include "daemon/environments/definition.hpp"
#include "store/base/error.hpp"

#include <optional>
#include <string>
#include <variant>

namespace kiln::daemon {

/// What `conda_file` or `lock` holds, read for one platform of conda's ("linux-64").
using CondaPart = std::variant<std::monostate, ResolvedSpecification, conda::Lock>;

/// Shape    `text` is what the client read of the named file; it is not looked at where the
///          specification stands in the definition. Nothing where the definition names none.
/// Errors   those of conda::read_conda_input(), with the place; not_found: the text is missing;
///          invalid_input: `lock` names a specification, or a specification for other platforms.
Result<CondaPart> read_conda_part(
    const EnvironmentDefinition& definition,
    const std::optional<std::string>& text,
    const std::string& conda_platform
);

/// The lines of a pip part that name files beside the specification: "-r requirements.txt",
/// "./wheels/a-1.0-py3-none-any.whl", "-c", "-e" and "--find-links" with a path. The client is
/// asked for their digests.
std::vector<std::string> files_of_pip(const conda::Specification& specification);

}  // namespace kiln::daemon
