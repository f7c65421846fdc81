#pragma once

#include "store/environments.hpp"
#include "store/index_database.hpp"

#include <vector>

namespace kiln::store {

/// Has a version that is in the index keep these objects as well: one that Environments::add()
/// finds keeps from then on what the new one would have kept. Within a transaction.
Result<void> keep_more(
    Database& database, EnvironmentVersion& version, const std::vector<Digest>& objects
);

}  // namespace kiln::store
