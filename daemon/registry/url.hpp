#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::registry {

/// The host part of a URL or reference: "registry.example:5000", "[::1]:5000".
struct HostPort {
    std::string host;        // without brackets
    std::uint16_t port = 0;  // 0: none was written

    static Result<HostPort> parse(std::string_view text);
    bool operator==(const HostPort&) const = default;
};

/// An http or https URL. Immutable once parsed.
struct Url {
    bool tls = true;
    std::string host;  // lower case, IPv6 without brackets
    std::uint16_t port = 443;
    std::string target = "/";  // path and query, percent-encoded as received

    /// Errors   invalid_input: no http(s) URL, a user or password in it, control characters.
    static Result<Url> parse(std::string_view text);
    /// What a Location header means here: absolute, or relative to this URL.
    [[nodiscard]] Result<Url> resolve(std::string_view location) const;
    /// With one more query parameter; the value is escaped.
    [[nodiscard]] Url with_query(std::string_view name, std::string_view value) const;

    [[nodiscard]] std::string authority() const;  // as the Host header has it
    [[nodiscard]] std::string render() const;
    /// For messages and logs: without the query, which may hold a token or a signature.
    [[nodiscard]] std::string render_redacted() const;
    [[nodiscard]] bool same_origin(const Url& other) const;
};

/// localhost, 127/8 and ::1, with or without a port: where plain http is no risk.
bool is_loopback(std::string_view host);

/// Whether a registry may send us there, by redirect or as the realm of its tokens: never from
/// https to http, and never to an address of our own network unless it is the registry's own.
/// Errors   permission.
Result<void> check_referral(const Url& from, const Url& to);

}  // namespace kiln::registry
