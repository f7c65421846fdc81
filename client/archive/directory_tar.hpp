#pragma once

#include "store/base/bytes.hpp"

#include <stop_token>
#include <string>

namespace kiln::client {

/// The files and directories of an OCI layout directory as one tar, in canonical order: what a
/// layout is on the wire. Links and other things have no place in a layout and are refused.
Result<void> write_directory_tar(
    const std::string& path, ByteSink& out, const std::stop_token& stop
);

}  // namespace kiln::client
