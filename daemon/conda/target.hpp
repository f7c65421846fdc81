#pragma once

#include "layers/conda/spec/virtual_package.hpp"
#include "store/store.hpp"

#include <string>

namespace kiln::daemon {

/// The glibc that packages may count on where there is no base image: that of Debian 10 and RHEL 8,
/// as for conda::k_default_linux.
inline constexpr std::string_view k_default_glibc = "2.28";

/// What a solve without a base image counts on.
conda::TargetFacts default_target(std::string platform);

/// What packages will find in an image of the store: its platform, and the glibc that lies in it,
/// read out of its own file. Remembered by the image's layers.
/// Errors   not_found, corrupt; unsupported: an image of a platform that conda has no name for.
/// Thread   the pool.
Result<conda::TargetFacts> read_target(
    store::Store& store, const store::Lease& lease, const std::string& image
);

}  // namespace kiln::daemon
