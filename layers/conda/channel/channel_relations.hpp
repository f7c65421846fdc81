#pragma once

#include "layers/conda/channel/channel.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// Steps from a channel that the user named to one that it leads to: cep-42's default.
inline constexpr std::size_t k_channel_relations_max_depth = 10;

enum class RelationKind : std::uint8_t {
    base,       // the related channel goes before the declaring one
    overrides,  // behind it
};

/// What one channel's repodata says of another channel (cep-42).
struct ChannelRelation {
    Channel declaring;
    RelationKind kind = RelationKind::base;
    Channel related;

    [[nodiscard]] const Channel& before() const {
        return kind == RelationKind::base ? related : declaring;
    }

    [[nodiscard]] const Channel& after() const {
        return kind == RelationKind::base ? declaring : related;
    }

    /// "bioconda builds upon conda-forge", "conda-forge/label/rc overrides conda-forge".
    [[nodiscard]] std::string describe() const;
};

/// The relations of one subdir: `text` is the JSON of its `info.channel_relations`, or empty. Each
/// subdir declares its own, and all of a channel's count together: where two of them contradict
/// each other, order_channels() finds a cycle.
/// Errors   invalid_input with a hint: not an object of strings, two relations to one channel;
///          those of resolve_channel().
Result<std::vector<ChannelRelation>> read_channel_relations(
    std::string_view text, const Channel& declaring, const ChannelConfig& config
);

/// The channel that a reference ("../conda-forge", "../..") leads to from another one's base URL,
/// on the same host and without credentials.
/// Errors   invalid_input with a hint: not "../…", above the host or the file system's root, a
///          token, a subdir, the channel itself, what no URL has.
Result<Channel> resolve_channel(
    const Channel& declaring, std::string_view reference, const ChannelConfig& config
);

/// The relations by which channels come in that were not named, nearest first, each channel once.
/// Relations of channels that nothing leads to count for nothing. Channels are told apart by their
/// base URL; the order of `relations` plays no part, here and below.
/// Errors   invalid_input: a channel more than `max_depth` steps away; too_large: more than
///          k_channels.
Result<std::vector<ChannelRelation>> related_channels(
    const std::vector<Channel>& named,
    const std::vector<ChannelRelation>& relations,
    std::size_t max_depth
);

/// Base URLs of the channels named and of those they lead to, by priority. Of two channels that
/// were both named, the order is the user's, whatever they declare. Where there are several orders,
/// related channels stand side by side.
/// Errors   invalid_input naming the channels of a cycle; too_large.
Result<std::vector<std::string>> order_channels(
    const std::vector<Channel>& named, const std::vector<ChannelRelation>& relations
);

}  // namespace kiln::conda
