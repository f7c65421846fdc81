#pragma once

#include "layers/conda/channel/channel_source.hpp"

#include <filesystem>

namespace kiln::testing {

/// Adds the linux-64 and noarch repodata.json below a folder as a channel of the folder's name. A
/// test that gives another folder fails.
void add_channel(conda::ChannelSource& source, const std::filesystem::path& folder);

}  // namespace kiln::testing
