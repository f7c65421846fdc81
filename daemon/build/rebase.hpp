#pragma once

#include "daemon/build/image.hpp"
#include "store/base/json.hpp"
#include "store/store.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// `kiln rebase SOURCE --onto BASE`.
struct RebaseRequest {
    std::string source;
    std::string onto;
    std::optional<std::string> from;  // the old base; none: what find_base() finds
    std::vector<std::string> tags;    // names of the result; empty: none but what `source` names

    /// Errors   invalid_input naming the field.
    static Result<RebaseRequest> parse(const json::Value& value);
};

struct RebasedImage {
    Descriptor manifest;
    Digest base_before;
    Digest base_after;
    std::size_t layers_before = 0;      // of the old base
    std::size_t layers_after = 0;       // of the new one
    std::size_t layers_kept = 0;        // above it
    std::uint64_t bytes_exchanged = 0;  // of the new base's layers that the image did not have
};

/// The three images, which a lease keeps.
struct RebaseImages {
    const Image& image;
    const Image& before;
    const Image& after;
};

/// Whether the layers above mean the same on the new base. Errors   those of oci::check_rebase();
/// unsupported, with a hint: a step that looked at the base and would find something else now
/// (a directory that became a symlink, another account behind a name of --chown).
Result<void> check_rebase(store::Store& store, const RebaseImages& images);

/// Writes config and manifest; no layer is read, moved or made. An image whose base is the new one
/// already is the same image. `names`: of the result; none: it is kept as a build without -t is.
/// Errors   as above. Thread   the pool.
Result<RebasedImage> rebase_onto(
    store::Store& store,
    const store::Lease& lease,
    const RebaseImages& images,
    const std::vector<std::string>& names
);

/// Finds the images by name, rebases and names the result: by `tags`, or as `source` is named,
/// unless that is a digest.
/// Errors   not_found, invalid_input; those of rebase_onto(). Thread   the pool.
Result<RebasedImage> rebase(store::Store& store, const RebaseRequest& request);

}  // namespace kiln::daemon
