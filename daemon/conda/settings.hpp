#pragma once

#include "layers/conda/channel/channel.hpp"
#include "layers/conda/channel/channel_relations.hpp"
#include "layers/conda/solve/solve.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// What kilnd.toml says in [conda]: how channels are found, and what opens them.
struct CondaSettings {
    conda::ChannelConfig channels;
    conda::ChannelPriority priority = conda::ChannelPriority::strict;
    /// Specifications that hold for what any lock installs, and install nothing.
    std::vector<conda::RequestedSpec> pinned_packages;
    /// Steps from a channel that a request names; 0: what channels say of each other is not read.
    std::size_t channel_relations_max_depth = conda::k_channel_relations_max_depth;
    /// Base URL of a channel, or of many -> what opens all that lies below it.
    std::map<std::string, conda::ChannelSecret, std::less<>> secrets;

    /// Of the longest base URL that `url` lies below; nullptr when there is none.
    [[nodiscard]] const conda::ChannelSecret* secret_for(std::string_view url) const;
};

}  // namespace kiln::daemon
