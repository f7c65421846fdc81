#include "daemon/registry/url.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

#include <algorithm>
#include <charconv>

namespace kiln::registry {
namespace {

namespace urls = boost::urls;
namespace ip = boost::asio::ip;

constexpr std::uint16_t k_https = 443;
constexpr std::uint16_t k_http = 80;
/// Longer ones no server takes.
constexpr std::size_t k_url_bytes = 8192;

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && port != 0 ? std::optional(port) : std::nullopt;
}

tl::unexpected<Error> no_url() {
    // The text itself is not shown: it may carry a token.
    return fail(Code::invalid_input, "the registry named something that is no http or https URL");
}

Result<Url> from_boost(const urls::url_view& parsed) {
    Url url;
    const bool tls = parsed.scheme_id() == urls::scheme::https;
    if ((!tls && parsed.scheme_id() != urls::scheme::http) || parsed.host().empty()
        || parsed.has_userinfo()) {
        return no_url();
    }
    url.tls = tls;
    url.host = lower(parsed.host_address());
    url.port = tls ? k_https : k_http;
    if (parsed.has_port() && !parsed.port().empty()) {
        url.port = port_of(parsed.port()).value_or(0);
    }
    const std::string_view path = parsed.encoded_path();
    url.target = path.empty() ? "/" : std::string(path);
    if (parsed.has_query()) {
        url.target += '?' + std::string(std::string_view(parsed.encoded_query()));
    }
    if (url.port == 0) {
        return no_url();
    }
    return url;
}

/// The address a host is, when it is written as one.
std::optional<ip::address> address_of(std::string_view host) {
    boost::system::error_code error;
    const auto address = ip::make_address(std::string(host), error);
    return error ? std::nullopt : std::optional(address);
}

/// Addresses that lead into our own network or host.
bool is_internal(const ip::address& address) {
    if (address.is_unspecified() || address.is_loopback() || address.is_multicast()) {
        return true;
    }
    if (address.is_v6()) {
        const ip::address_v6 v6 = address.to_v6();
        const bool unique_local = (v6.to_bytes()[0] & 0xFEU) == 0xFC;
        const bool mapped = v6.is_v4_mapped();
        return v6.is_link_local() || unique_local
               || (mapped && is_internal(ip::make_address_v4(ip::v4_mapped, v6)));
    }
    const auto bytes = address.to_v4().to_bytes();
    return bytes[0] == 10 || bytes[0] == 0 || (bytes[0] == 172 && (bytes[1] & 0xF0U) == 16)
           || (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 169 && bytes[1] == 254)
           || (bytes[0] == 100 && (bytes[1] & 0xC0U) == 64);
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
}

}  // namespace

Result<HostPort> HostPort::parse(std::string_view text) {
    HostPort result;
    std::string_view host = text;
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == text.npos || !address_of(text.substr(1, close - 1))) {
            return fail(Code::invalid_input, "{} is not a host", text);
        }
        host = text.substr(1, close - 1);
        port = text.substr(close + 1);
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        host = text.substr(0, text.find(':'));
        port = text.substr(host.size());
    }
    const bool odd = std::any_of(host.begin(), host.end(), [](char c) {
        return is_control(c) || c == '/' || c == '@' || c == '?' || c == '#';
    });
    if (!port.empty()) {
        const auto number = port.starts_with(':') ? port_of(port.substr(1)) : std::nullopt;
        if (!number) {
            return fail(Code::invalid_input, "{} is not a host with a port", text);
        }
        result.port = *number;
    }
    if (host.empty() || odd) {
        return fail(Code::invalid_input, "{} is not a host", text);
    }
    result.host = lower(host);
    return result;
}

Result<Url> Url::parse(std::string_view text) {
    if (text.size() > k_url_bytes || std::any_of(text.begin(), text.end(), is_control)) {
        return no_url();
    }
    const auto parsed = urls::parse_uri(text);
    return parsed ? from_boost(*parsed) : no_url();
}

Result<Url> Url::resolve(std::string_view location) const {
    if (location.size() > k_url_bytes
        || std::any_of(location.begin(), location.end(), is_control)) {
        return no_url();
    }
    const auto reference = urls::parse_uri_reference(location);
    const std::string own = render();
    const auto base = urls::parse_uri(own);
    if (!reference || !base) {
        return no_url();
    }
    urls::url resolved;
    if (!urls::resolve(*base, *reference, resolved)) {
        return no_url();
    }
    return from_boost(resolved);
}

Url Url::with_query(std::string_view name, std::string_view value) const {
    constexpr std::string_view k_plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/,";
    Url result = *this;
    result.target += target.find('?') == std::string::npos ? '?' : '&';
    result.target += name;
    result.target += '=';
    for (const char c : value) {
        if (k_plain.find(c) != std::string_view::npos) {
            result.target += c;
        } else {
            result.target += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return result;
}

std::string Url::authority() const {
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == (tls ? k_https : k_http) ? name : fmt::format("{}:{}", name, port);
}

std::string Url::render() const {
    return fmt::format("{}://{}{}", tls ? "https" : "http", authority(), target);
}

std::string Url::render_redacted() const {
    const std::string whole = render();
    return whole.substr(0, whole.find('?'));
}

bool Url::same_origin(const Url& other) const {
    return tls == other.tls && host == other.host && port == other.port;
}

bool is_loopback(std::string_view host) {
    std::string_view name = host;
    const auto parsed = HostPort::parse(host);
    if (parsed) {
        name = parsed->host;
    } else if (!address_of(host)) {
        return false;
    }
    const auto address = address_of(name);
    return name == "localhost" || (address && address->is_loopback());
}

Result<void> check_referral(const Url& from, const Url& to) {
    if (from.tls && !to.tls) {
        return fail(
            Code::permission, "{} refers to plain http at {}", from.authority(), to.authority()
        );
    }
    const bool own = from.host == to.host && from.port == to.port;
    const auto address = address_of(to.host);
    const bool internal = to.host == "localhost" || (address && is_internal(*address));
    if (internal && !own) {
        return fail(
            Code::permission,
            "{} refers to {}, an address of this network",
            from.authority(),
            to.authority()
        );
    }
    return {};
}

}  // namespace kiln::registry
