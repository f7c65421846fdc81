#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "client/wire/image.hpp"

#include <string>

namespace kiln::client {

/// Has the daemon pull an image, with the credentials that are kept for its registry; the digest of
/// its manifest. Ctrl-C ends it. `request.credentials` is filled in.
Result<Digest> pull(Session& session, Progress& progress, wire::PullRequest request);

}  // namespace kiln::client
