#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"
#include "store/digest.hpp"

#include <string>

namespace kiln::client {

/// Sends a file as the blob of that digest, telling of its progress.
/// Errors   digest_mismatch: it changed since it was hashed; those of the file and the daemon.
Result<void> send_file(
    Session& session, Progress& progress, const Digest& digest, const std::string& path
);

}  // namespace kiln::client
