#include "daemon/build/registry_access.hpp"

namespace kiln::daemon {

registry::ClientOptions client_options(const Services& services) {
    registry::ClientOptions options;
    options.insecure_hosts = services.insecure_registries;
    options.memory = &services.registries;
    return options;
}

std::optional<registry::Credentials> credentials_for(
    const std::map<std::string, Credential>& credentials, const oci::Reference& reference
) {
    const auto found = credentials.find(reference.domain());
    if (found == credentials.end()) {
        return std::nullopt;
    }
    return registry::Credentials{found->second.username, found->second.password};
}

}  // namespace kiln::daemon
