#include "client/http/endpoint.hpp"

#include <fmt/format.h>

#include <sys/un.h>

namespace kiln::client {

Result<Endpoint> Endpoint::parse(std::string_view host) {
    constexpr std::string_view k_scheme = "unix:";
    if (!host.starts_with(k_scheme)) {
        const std::size_t colon = host.find("://");
        if (colon != std::string_view::npos) {
            return fail(
                Code::unsupported,
                "kiln speaks to kilnd over a Unix socket only, not {}",
                host.substr(0, colon)
            );
        }
        return fail(Code::invalid_input, "{} is no address of a daemon; say unix:///PATH", host);
    }
    std::string_view path = host.substr(k_scheme.size());
    if (path.starts_with("//")) {
        path.remove_prefix(2);
    }
    if (!path.starts_with('/')) {
        return fail(Code::invalid_input, "{} must name an absolute path: unix:///PATH", host);
    }
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
        return fail(
            Code::too_large,
            "the socket path is {} bytes long; at most {} fit",
            path.size(),
            sizeof(sockaddr_un::sun_path) - 1
        );
    }
    return Endpoint{std::string(path)};
}

Result<Endpoint> Endpoint::of(const Environment& environment, bool is_root) {
    if (const auto host = environment.find("KILN_HOST")) {
        TRY_ASSIGN(Endpoint endpoint, parse(*host), "while reading KILN_HOST");
        return endpoint;
    }
    if (is_root) {
        return Endpoint{"/run/kiln/kilnd.sock"};
    }
    if (const auto runtime = environment.find("XDG_RUNTIME_DIR")) {
        return parse("unix://" + *runtime + "/kiln/kilnd.sock");
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = "there is no default socket, because XDG_RUNTIME_DIR is not set",
        .hint = "name the daemon's socket with --host unix:///PATH or KILN_HOST"});
}

std::string Endpoint::render() const {
    return "unix:" + socket_path;
}

std::string encode_component(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                                || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
                                || c == '~';
        if (unreserved) {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

}  // namespace kiln::client
