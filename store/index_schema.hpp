#pragma once

#include "store/index_database.hpp"

#include <string_view>

namespace kiln::store {

/// schema.sql, compiled in.
extern const std::string_view k_schema;

/// Makes a new database, or brings an old one to this version, one transaction a version.
/// Errors   unsupported when a newer kiln wrote it; corrupt when it is not an index of kiln's.
Result<void> migrate(Database& database, int current_version);

}  // namespace kiln::store
