#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "store/digest.hpp"

#include <map>
#include <string>
#include <vector>

namespace kiln::client {

/// Brings the files that kilnd `wanted` to it as blobs, telling of the progress: lends them, many
/// at a time, and sends those that it cannot read where they lie.
/// Errors   internal: one that `paths` lacks; digest_mismatch: one changed since it was hashed;
///          those of the files and the daemon.
Result<void> send_files(
    Session& session,
    Progress& progress,
    const std::map<Digest, std::string>& paths,
    const std::vector<Digest>& wanted
);

}  // namespace kiln::client
