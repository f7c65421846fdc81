#pragma once

#include "daemon/environments/canonical.hpp"
#include "daemon/environments/definition.hpp"
#include "daemon/environments/inputs.hpp"

namespace kiln::daemon {

/// What a definition is, by what it was made from: pure, so that whoever gets both can check that
/// they belong to a hash.
/// Errors   those of the specification or lock, with the place; of canonical_record().
Result<CanonicalRecord> identify(
    const EnvironmentDefinition& definition, const EnvironmentInputs& inputs
);

}  // namespace kiln::daemon
