#pragma once

#include "client/environment.hpp"
#include "store/base/error.hpp"

#include <string>
#include <string_view>

namespace kiln::client {

/// Where kilnd listens.
struct Endpoint {
    std::string socket_path;

    /// "unix:///PATH" or "unix:/PATH".
    /// Errors   invalid_input; unsupported for tcp:// and ssh://, by name.
    static Result<Endpoint> parse(std::string_view host);
    /// KILN_HOST, else the daemon's own default for this user.
    static Result<Endpoint> of(const Environment& environment, bool is_root);
    [[nodiscard]] std::string render() const;  // "unix:PATH"
};

/// A name as one component of a request's path: everything but unreserved characters is encoded.
std::string encode_component(std::string_view text);

}  // namespace kiln::client
