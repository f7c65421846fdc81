#pragma once

#include "daemon/build/request.hpp"
#include "daemon/registry/client.hpp"
#include "daemon/services.hpp"
#include "layers/oci/reference.hpp"

#include <map>
#include <optional>
#include <string>

namespace kiln::daemon {

/// How this daemon speaks to registries.
registry::ClientOptions client_options(const Services& services);

/// Of the host that the reference names, and of no other.
std::optional<registry::Credentials> credentials_for(
    const std::map<std::string, Credential>& credentials, const oci::Reference& reference
);

}  // namespace kiln::daemon
