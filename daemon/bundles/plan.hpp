#pragma once

#include "daemon/build/request.hpp"
#include "daemon/bundles/document.hpp"
#include "daemon/services.hpp"

#include <string>
#include <vector>

namespace kiln::daemon {

struct BundleOrder {
    std::string workspace;           // of the environments
    std::vector<std::string> names;  // "app:1", or "env:train:1"
};

/// What a bundle will hold, or the locks whose packages must be fetched into the store first.
struct BundlePlan {
    std::vector<NamedText> fetches;
    BundleDocument document;  // where there are none
};

/// Everything that a host without network needs of the named: images with what refers to them; for
/// environments also definition, lock, base, packages and build context, so that they can be built
/// again. The blobs are in the store, and stay there for an hour, for the client to read.
/// Shape    the same names in any order, of the same store, give the same document.
/// Errors   not_found; conflict with a hint: not built, or parts of it are not here any more;
///          unsupported: a lock names a file without its sha256.
/// Thread   the pool.
Result<BundlePlan> plan_bundle(Services& services, const BundleOrder& order);

}  // namespace kiln::daemon
