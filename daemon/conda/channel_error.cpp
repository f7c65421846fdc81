#include "daemon/conda/channel_error.hpp"

#include <fmt/format.h>

namespace kiln::daemon {
namespace {

using conda::Channel;

bool is_directory(const Channel& channel) {
    return channel.scheme() == "file";
}

/// Which words of the configuration decide where a channel is looked for.
std::string whereabouts(const Channel& channel) {
    const std::string settings = "mirrors and credentials stand in kilnd.toml, [conda]";
    if (channel.name() == channel.base_url()) {
        return "check how the channel is spelt; " + settings;
    }
    return fmt::format(
        "{} means {} here; channel_alias, {}", channel.name(), channel.base_url(), settings
    );
}

/// What to look at where a channel can't be had: its name, or the relation that led to it.
std::string advice(const NamedChannel& named) {
    return named.through ? fmt::format(
               "{} (cep-42); channel_relations_max_depth = 0 in kilnd.toml, [conda], follows none",
               named.through->describe()
           )
                         : whereabouts(named.channel);
}

Error placed(Error error, const NamedChannel& named) {
    if (named.through) {
        error = std::move(error).with_trail("because " + named.through->describe());
    }
    if (!error.where && !named.where.file.empty()) {
        error.where = named.where;
    }
    return error;
}

}  // namespace

Error channel_failed(Error error, const NamedChannel& named) {
    if (error.code == Code::cancelled) {
        return error;
    }
    const bool damaged = error.where || error.code == Code::invalid_input
                         || error.code == Code::corrupt || error.code == Code::digest_mismatch;
    if (error.where) {
        error.message += fmt::format(" (line {}, byte {})", error.where->line, error.where->column);
        error.where.reset();
    }
    if (error.hint.empty()) {
        error.hint = !damaged ? advice(named)
                     : is_directory(named.channel)
                         ? "the channel is damaged: write this file again, as conda index does"
                         : "the channel is damaged: its server must write this file again";
    }
    return placed(std::move(error), named);
}

Error channel_is_empty(const NamedChannel& named, const std::string& platform) {
    const Channel& channel = named.channel;
    const std::string subdir = channel.only_subdir().value_or(platform);
    const std::string both = channel.only_subdir() || platform == "noarch"
                                 ? fmt::format("does not hold {}", subdir)
                                 : fmt::format("holds neither {} nor noarch", platform);
    const std::string looked_for = fmt::format(
        "a channel has {}/repodata.json, repodata.json.zst or repodata_shards.msgpack.zst", subdir
    );
    return placed(
        Error{
            .code = Code::not_found,
            .message = fmt::format(
                "channel {} has no repodata: {} {}", channel.name(), channel.base_url(), both
            ),
            .hint = is_directory(channel) ? looked_for + "; conda index writes it"
                                          : looked_for + "; " + advice(named)},
        named
    );
}

Error directory_not_named(const NamedChannel& named) {
    const conda::ChannelRelation& relation = *named.through;
    const bool is_base = relation.kind == conda::RelationKind::base;
    Error error{
        .code = Code::permission,
        .message = fmt::format("{}, a directory that was not named", relation.describe()),
        .hint = fmt::format(
            "name it too: -c {} {} {}",
            relation.related.base_url(),
            is_base ? "before" : "behind",
            relation.declaring.base_url()
        )};
    if (!named.where.file.empty()) {
        error.where = named.where;
    }
    return error;
}

}  // namespace kiln::daemon
