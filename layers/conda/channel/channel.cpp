#include "layers/conda/channel/channel.hpp"

#include "layers/conda/lockfile.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace kiln::conda {

namespace {

/// The parts of a URL up to its path; nothing is decoded.
struct UrlParts {
    std::string scheme;  // lower case
    std::string user_info;
    std::string host;  // with its port, lower case
    std::string path;  // "" or "/…"
};

/// Subdirs that channels have: only these are told from a name like "conda-forge".
constexpr std::array<std::string_view, 20> k_known_subdirs{
    "noarch",       "linux-32",          "linux-64",      "linux-aarch64",     "linux-armv6l",
    "linux-armv7l", "linux-ppc64",       "linux-ppc64le", "linux-riscv32",     "linux-riscv64",
    "linux-s390x",  "linux-loongarch64", "osx-64",        "osx-arm64",         "win-32",
    "win-64",       "win-arm64",         "zos-z",         "emscripten-wasm32", "wasi-wasm32"};

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return result;
}

Error not_a_channel(std::string_view written, std::string_view why) {
    return Error{
        .code = Code::invalid_input,
        .message = fmt::format("{} is no channel: {}", without_credentials(written), why),
        .hint = "a channel is a name like conda-forge or a URL (cep-26)"};
}

/// Letters that no URL has as they are, and those that end its path.
bool is_url_text(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char letter) {
        const auto byte = static_cast<unsigned char>(letter);
        return byte <= 0x20 || byte >= 0x7f
               || std::string_view("\"\\^`|?#").find(letter) != std::string_view::npos;
    });
}

Result<UrlParts> split_url(std::string_view url) {
    if (!is_url_text(url)) {
        return fail(not_a_channel(url, "a character that no URL has"));
    }
    const std::size_t colon = url.find("://");
    UrlParts parts;
    parts.scheme = lower(url.substr(0, colon));
    std::string_view rest = url.substr(colon + 3);
    if (parts.scheme != "file" && parts.scheme != "http" && parts.scheme != "https"
        && parts.scheme != "oci") {
        return fail(
            Code::unsupported, "{}:// is not supported; file, http, https and oci are", parts.scheme
        );
    }
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view authority = rest.substr(0, slash);
    parts.path = rest.substr(slash);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        parts.user_info = authority.substr(0, at);
        authority.remove_prefix(at + 1);
    }
    parts.host = lower(authority);
    if (parts.scheme == "file") {
        if (!parts.host.empty() && parts.host != "localhost") {
            return fail(not_a_channel(url, "file:// is followed by an absolute path"));
        }
        parts.host.clear();
    } else if (parts.host.empty() || parts.host.front() == ':') {
        return fail(not_a_channel(url, "it names no host"));
    }
    return parts;
}

/// "/a//b/" as "/a/b". Errors: a component ".." leads elsewhere.
std::optional<std::vector<std::string>> components_of(std::string_view path) {
    std::vector<std::string> components;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        const std::string_view component = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (component == "..") {
            return std::nullopt;
        }
        if (!component.empty() && component != ".") {
            components.emplace_back(component);
        }
    }
    return components;
}

/// A path as the part of a URL: what a URL cannot hold as %XX.
std::string encode_path(std::string_view path) {
    std::string encoded;
    for (const char letter : path) {
        if (is_url_text(std::string_view(&letter, 1)) && letter != '%') {
            encoded += letter;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
        }
    }
    return encoded;
}

std::optional<std::string> decode_percent(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const std::string_view digits = text.substr(i + 1, 2);
        constexpr std::string_view k_digits = "0123456789abcdef";
        unsigned value = 0;
        for (const char digit : lower(digits)) {
            const std::size_t at = k_digits.find(digit);
            if (at == std::string_view::npos) {
                return std::nullopt;
            }
            value = value * 16 + static_cast<unsigned>(at);
        }
        if (digits.size() != 2 || value == 0) {
            return std::nullopt;
        }
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

std::string authority_of(std::string_view url) {
    const std::size_t host = url.find("://") + 3;
    return std::string(url.substr(0, std::min(url.find('/', host), url.size())));
}

bool is_below(std::string_view url, std::string_view base) {
    return url.starts_with(base) && (url.size() == base.size() || url[base.size()] == '/');
}

/// cep-26's components, but with upper-case letters, which thousands of channels have.
bool is_channel_name(std::string_view name) {
    const auto components = components_of(name);
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '_';
    };
    return components && !components->empty()
           && std::all_of(components->begin(), components->end(), [&](const std::string& part) {
                  return is_letter(part.front()) && part.size() <= 128
                         && std::all_of(part.begin(), part.end(), [&](char c) {
                                return is_letter(c) || c == '.' || c == '-';
                            });
              });
}

bool is_path(std::string_view written) {
    return written.starts_with('/') || written.starts_with("./") || written.starts_with("../")
           || written.starts_with('~') || written == "." || written == ".."
           || written.find('\\') != std::string_view::npos;
}

Result<void> append_channels(
    std::vector<Channel>& channels,
    std::string_view written,
    const ChannelConfig& config,
    std::size_t depth
);

}  // namespace

Result<Channel> Channel::from_url(std::string_view url, std::string_view name) {
    if (url.size() > k_channel_bytes) {
        return fail(
            Code::too_large,
            "a channel of {} bytes; at most {} are read",
            url.size(),
            k_channel_bytes
        );
    }
    std::string whole(url);
    if (url.starts_with('/')) {
        whole = "file://" + encode_path(url);
    } else if (url.find("://") == std::string_view::npos) {
        return fail(not_a_channel(url, "neither a URL nor an absolute path"));
    }
    TRY_ASSIGN(const UrlParts parts, split_url(whole));
    auto components = components_of(parts.path);
    if (!components) {
        return fail(not_a_channel(url, "its path leads up by '..'"));
    }
    Channel channel;
    channel.base_url_ = parts.scheme + "://" + parts.host;
    channel.token_at_ = channel.base_url_.size();
    const std::size_t colon = std::min(parts.user_info.find(':'), parts.user_info.size());
    channel.secret_.user = parts.user_info.substr(0, colon);
    channel.secret_.password = parts.user_info.substr(std::min(colon + 1, parts.user_info.size()));
    if (!components->empty()
        && std::find(k_known_subdirs.begin(), k_known_subdirs.end(), components->back())
               != k_known_subdirs.end()) {
        channel.only_subdir_ = components->back();
        components->pop_back();
    }
    for (std::size_t i = 0; i < components->size(); ++i) {
        const bool is_token = (*components)[i] == "t" && i + 1 < components->size()
                              && channel.secret_.token.empty() && parts.scheme != "file";
        if (is_token) {
            channel.token_at_ = channel.base_url_.size();
            channel.secret_.token = (*components)[++i];
        } else {
            channel.base_url_ += '/' + (*components)[i];
        }
    }
    if (parts.scheme == "file" && components->empty()) {
        return fail(not_a_channel(url, "the root of the file system"));
    }
    channel.name_ = name.empty() ? channel.base_url_ : std::string(name);
    return channel;
}

std::string_view Channel::scheme() const {
    return std::string_view(base_url_).substr(0, base_url_.find(':'));
}

std::optional<std::string> Channel::local_path() const {
    return scheme() == "file" ? decode_percent(std::string_view(base_url_).substr(7))
                              : std::nullopt;
}

std::string Channel::subdir_url(std::string_view subdir) const {
    return fmt::format("{}/{}", base_url_, subdir);
}

/// Only below the channel does its token go, only to its host the password: a base_url (cep-15) may
/// lead anywhere.
std::string Channel::with_secret(std::string_view url) const {
    const std::string origin = authority_of(base_url_);
    if (secret_.is_empty() || scheme() == "file" || !is_below(url, origin)) {
        return std::string(url);
    }
    std::string result(url);
    if (!secret_.token.empty() && is_below(url, base_url_)) {
        result.insert(token_at_, "/t/" + secret_.token);
    }
    if (!secret_.user.empty() || !secret_.password.empty()) {
        const std::string password = secret_.password.empty() ? "" : ":" + secret_.password;
        result.insert(result.find("://") + 3, secret_.user + password + "@");
    }
    return result;
}

Channel Channel::with_secret_of(ChannelSecret secret) const {
    Channel channel = *this;
    channel.secret_ = std::move(secret);
    return channel;
}

Channel Channel::with_name(std::string name) const {
    Channel channel = *this;
    channel.name_ = std::move(name);
    return channel;
}

Channel Channel::with_configured_name(const ChannelConfig& config) const {
    const auto tail_below = [this](std::string root) {
        root.resize(root.find_last_not_of('/') + 1);
        const bool below = is_below(base_url_, root) && base_url_.size() > root.size() + 1;
        return below ? base_url_.substr(root.size() + 1) : "";
    };
    for (const auto& [custom, root] : config.custom_channels) {
        if (tail_below(root) == custom) {
            return with_name(custom);
        }
    }
    const std::string tail = tail_below(config.alias);
    const bool means_another = tail == "defaults" || config.custom_channels.contains(tail)
                               || config.custom_multichannels.contains(tail);
    return is_channel_name(tail) && !means_another ? with_name(tail) : *this;
}

Result<std::vector<Channel>> parse_channel(std::string_view written, const ChannelConfig& config) {
    std::vector<Channel> channels;
    TRY(append_channels(channels, written, config, 0));
    return channels;
}

Result<std::vector<Channel>> parse_channels(
    const std::vector<std::string>& written, const ChannelConfig& config
) {
    std::vector<Channel> channels;
    std::set<std::string> seen;
    for (const std::string& each : written) {
        TRY_ASSIGN(std::vector<Channel> parsed, parse_channel(each, config));
        for (Channel& channel : parsed) {
            if (seen.insert(channel.base_url() + ' ' + channel.only_subdir().value_or("")).second) {
                channels.push_back(std::move(channel));
            }
        }
        if (channels.size() > k_channels) {
            return fail(Code::too_large, "more than {} channels", k_channels);
        }
    }
    return channels;
}

std::vector<std::string> mirror_urls(std::string_view url, const ChannelConfig& config) {
    // The longest base that fits: a mirror of one channel goes before one of its whole host.
    const std::vector<std::string>* mirrors = nullptr;
    std::size_t base_bytes = 0;
    for (const auto& [base, urls] : config.mirrors) {
        if (is_below(url, base) && base.size() >= base_bytes) {
            mirrors = &urls;
            base_bytes = base.size();
        }
    }
    if (mirrors == nullptr || mirrors->empty()) {
        return {std::string(url)};
    }
    std::vector<std::string> urls;
    for (std::string mirror : *mirrors) {
        mirror.resize(mirror.find_last_not_of('/') + 1);
        urls.push_back(mirror + std::string(url.substr(base_bytes)));
    }
    return urls;
}

std::string resolve_url(std::string_view base, std::string_view reference) {
    if (reference.find("://") != std::string_view::npos) {
        return std::string(reference);
    }
    const std::string origin = authority_of(base);
    if (reference.starts_with("//")) {
        return std::string(base.substr(0, base.find(':') + 1)) + std::string(reference);
    }
    std::string_view path = base.substr(origin.size());
    path = path.substr(0, path.rfind('/') + 1);
    std::string joined = reference.starts_with('/') ? std::string(reference)
                                                    : std::string(path) + std::string(reference);
    std::vector<std::string_view> kept;
    std::string_view rest = joined;
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view component = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (component == "..") {
            if (!kept.empty()) {
                kept.pop_back();
            }
        } else if (!component.empty() && component != ".") {
            kept.push_back(component);
        }
    }
    std::string url = origin;
    for (const std::string_view component : kept) {
        url += '/';
        url += component;
    }
    const bool is_folder =
        joined.ends_with('/') || joined.ends_with("/.") || joined.ends_with("/..");
    return is_folder ? url + '/' : url;
}

namespace {

/// "${TOKEN}" or "$HOME": what it stood for would have to be kept, or be another each time.
bool names_variable(std::string_view written) {
    for (std::size_t at = written.find('$'); at != std::string_view::npos;
         at = written.find('$', at + 1)) {
        const char next = at + 1 < written.size() ? written[at + 1] : '\0';
        if (next == '{' || next == '_' || (next >= 'A' && next <= 'Z')) {
            return true;
        }
    }
    return false;
}

Result<void> append_channels(
    std::vector<Channel>& channels,
    std::string_view written,
    const ChannelConfig& config,
    std::size_t depth
) {
    if (channels.size() >= k_channels || depth > 4) {
        return fail(Code::too_large, "{} stands for more than {} channels", written, k_channels);
    }
    if (written.size() > k_channel_bytes || written.empty()) {
        return fail(not_a_channel(
            written.substr(0, 64), written.empty() ? "it has no name" : "it is too long"
        ));
    }
    if (names_variable(written)) {
        return fail(not_a_channel(written, "it names a variable, and none is expanded")
                        .with_hint("write its value; a token belongs to [conda.credentials] in "
                                   "kilnd.toml"));
    }
    if (written.find("://") != std::string_view::npos) {
        TRY_ASSIGN(Channel channel, Channel::from_url(written));
        channels.push_back(std::move(channel));
        return {};
    }
    if (is_path(written)) {
        return fail(
            not_a_channel(written, "it is a path")
                .with_hint(
                    "write it as file:///absolute/path; whoever asks opens it, not the daemon"
                )
        );
    }
    while (written.ends_with('/')) {
        written.remove_suffix(1);
    }
    const auto multichannel = config.custom_multichannels.find(written);
    if (multichannel != config.custom_multichannels.end() || written == "defaults") {
        const std::vector<std::string>& members = multichannel != config.custom_multichannels.end()
                                                      ? multichannel->second
                                                      : config.default_channels;
        const std::size_t first = channels.size();
        for (const std::string& member : members) {
            TRY(append_channels(channels, member, config, depth + 1));
        }
        for (std::size_t i = first; i < channels.size(); ++i) {
            channels[i] = channels[i].with_name(std::string(written));
        }
        return {};
    }
    if (!is_channel_name(written)) {
        return fail(not_a_channel(written, "a name has letters, digits, '_', '-', '.' and '/'"));
    }
    std::string_view name = written;
    const std::size_t slash = written.rfind('/');
    if (slash != std::string_view::npos
        && std::find(k_known_subdirs.begin(), k_known_subdirs.end(), written.substr(slash + 1))
               != k_known_subdirs.end()) {
        name = written.substr(0, slash);
    }
    const auto custom = config.custom_channels.find(name);
    std::string root = custom != config.custom_channels.end() ? custom->second : config.alias;
    root.resize(root.find_last_not_of('/') + 1);
    TRY_ASSIGN(Channel channel, Channel::from_url(root + '/' + std::string(written), name));
    channels.push_back(std::move(channel));
    return {};
}

}  // namespace

}  // namespace kiln::conda
