#pragma once

#include "layers/oci/reference.hpp"
#include "store/descriptor.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>

namespace kiln::daemon {

/// What a reference stood for in its registry when an image was last pulled by it, so that it can
/// be told from look_up_remote() whether the name has moved since.
struct PullRecord {
    Descriptor named;  // a manifest or an index
    Digest manifest;   // of the image that was taken
    UnixSeconds when = 0;
};

store::CacheRecord record_of_pull(const oci::Reference& reference, const PullRecord& pull);

/// nullopt: never, or forgotten.
/// Thread   the pool.
Result<std::optional<PullRecord>> find_pull(
    const store::Store& store, const std::string& reference
);

}  // namespace kiln::daemon
