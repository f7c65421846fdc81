#pragma once

#include "client/progress/progress.hpp"
#include "client/session.hpp"

#include <string>
#include <vector>

namespace kiln::client {

struct ArchiveRequest {
    std::vector<std::string> names;  // references or digests
    std::string format;              // oci, docker
    std::string compression;         // empty: as it comes
};

/// Fetches an archive of images into a file, which appears when it is whole.
Result<void> fetch_archive(
    Session& session, Progress& progress, const ArchiveRequest& request, const std::string& path
);
/// The flattened file system of an image, as a tar.
Result<void> fetch_rootfs_tar(
    Session& session, Progress& progress, const std::string& name, const std::string& path
);
/// The same, unpacked into a directory that is made when absent. Owners are kept when root asks.
Result<void> fetch_rootfs_directory(
    Session& session, Progress& progress, const std::string& name, const std::string& path
);

}  // namespace kiln::client
