#include "client/environments/place.hpp"

#include "client/http/endpoint.hpp"
#include "store/digest.hpp"

#include <fmt/format.h>

namespace kiln::client {

EnvironmentPlace EnvironmentPlace::parse(std::string_view reference) {
    constexpr std::string_view k_scheme = "env:";
    constexpr std::string_view k_digest = "sha256:";
    if (reference.starts_with(k_scheme)) {
        reference.remove_prefix(k_scheme.size());
    }
    const std::string_view hex =
        reference.substr(reference.starts_with(k_digest) ? k_digest.size() : 0);
    if (Digest::parse_hex(hex)) {
        return {"@anonymous", std::string(hex)};
    }
    const std::size_t colon = reference.find(':');
    if (colon == std::string_view::npos) {
        return {std::string(reference), ""};
    }
    return {std::string(reference.substr(0, colon)), std::string(reference.substr(colon + 1))};
}

EnvironmentPlace EnvironmentPlace::or_latest() const {
    return {name, version.empty() ? "@latest" : version};
}

std::string EnvironmentPlace::target(const std::string& workspace, std::string_view below) const {
    return fmt::format(
        "/v1/environments/{}{}{}?workspace={}",
        encode_component(name),
        version.empty() ? "" : "/" + encode_component(version),
        below,
        encode_component(workspace)
    );
}

}  // namespace kiln::client
