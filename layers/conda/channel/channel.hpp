#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

inline constexpr std::size_t k_channel_bytes = 2048;
/// Channels of one request, multichannels counted in full.
inline constexpr std::size_t k_channels = 64;

/// What opens a channel. Never part of a name, a lock, a key or a log; there is no printing it.
struct ChannelSecret {
    std::string token;  // of /t/TOKEN/ in anaconda's URLs
    std::string user;
    std::string password;

    [[nodiscard]] bool is_empty() const {
        return token.empty() && user.empty() && password.empty();
    }

    bool operator==(const ChannelSecret&) const = default;
};

struct ChannelConfig;

/// A place with a repodata.json for each subdir (cep-26), its credentials split off.
class Channel {
  public:
    /// A URL or an absolute path, taken as it is.
    /// Errors   invalid_input: a relative path, no host, what no URL has; unsupported: a scheme
    ///          other than file, http, https and oci.
    static Result<Channel> from_url(std::string_view url, std::string_view name = "");

    /// "conda-forge", or the base URL: what MatchSpec's `channel::` means. A member of "defaults"
    /// or another multichannel goes by that name. Never with credentials.
    [[nodiscard]] const std::string& name() const { return name_; }

    /// Without credentials, subdir and slash at the end: "https://conda.example/conda-forge".
    [[nodiscard]] const std::string& base_url() const { return base_url_; }

    /// "file", "http", "https" or "oci".
    [[nodiscard]] std::string_view scheme() const;

    /// The path of a file:// channel, %XX decoded; nullopt for others.
    [[nodiscard]] std::optional<std::string> local_path() const;

    /// "https://conda.example/conda-forge/linux-64": the parent of its repodata.json.
    [[nodiscard]] std::string subdir_url(std::string_view subdir) const;

    /// Set where the user named one subdir of the channel ("conda-forge/linux-64").
    [[nodiscard]] const std::optional<std::string>& only_subdir() const { return only_subdir_; }

    [[nodiscard]] const ChannelSecret& secret() const { return secret_; }

    /// A URL below this channel with its credentials: for the transport alone.
    [[nodiscard]] std::string with_secret(std::string_view url) const;

    [[nodiscard]] Channel with_secret_of(ChannelSecret secret) const;

    [[nodiscard]] Channel with_name(std::string name) const;

    /// By the name that stands for its URL: "conda-forge"; as it is where there is none.
    [[nodiscard]] Channel with_configured_name(const ChannelConfig& config) const;

    bool operator==(const Channel&) const = default;

  private:
    Channel() = default;

    std::string name_;
    std::string base_url_;
    std::optional<std::string> only_subdir_;
    ChannelSecret secret_;
    std::size_t token_at_ = 0;  // where /t/TOKEN goes in base_url_
};

/// How names become URLs, as the daemon's configuration says (the words are .condarc's).
struct ChannelConfig {
    std::string alias = "https://conda.anaconda.org";
    /// "defaults", and what follows a specification's own channels.
    std::vector<std::string> default_channels = {
        "https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"};
    std::map<std::string, std::string, std::less<>> custom_channels = {
        {"pkgs/main", "https://repo.anaconda.com"},
        {"pkgs/r", "https://repo.anaconda.com"},
        {"pkgs/msys2", "https://repo.anaconda.com"}};
    std::map<std::string, std::vector<std::string>, std::less<>> custom_multichannels = {};
    /// Base URL -> the URLs to try instead, the first one first. Locks keep the channel's own URL.
    std::map<std::string, std::vector<std::string>, std::less<>> mirrors = {};
};

/// What a user wrote, as channels: one, but for "defaults" and the configured multichannels.
/// Errors   as Channel::from_url(); a path is refused, for the daemon opens no path of a request;
///          too_large.
Result<std::vector<Channel>> parse_channel(std::string_view written, const ChannelConfig& config);

/// Those of a list in its order, each once.
Result<std::vector<Channel>> parse_channels(
    const std::vector<std::string>& written, const ChannelConfig& config
);

/// Where to look for a URL of a channel: below its mirrors in their order, or the URL itself.
std::vector<std::string> mirror_urls(std::string_view url, const ChannelConfig& config);

/// cep-15: `reference` as a URL seen from the document at `base`: whole, "/path", "../x" or "x".
std::string resolve_url(std::string_view base, std::string_view reference);

}  // namespace kiln::conda
