#include "client/environments/place.hpp"

#include "client/http/endpoint.hpp"
#include "store/digest.hpp"

#include <fmt/format.h>

namespace kiln::client {

EnvironmentPlace EnvironmentPlace::parse(std::string_view reference) {
    constexpr std::string_view k_scheme = "env:";
    if (reference.starts_with(k_scheme)) {
        reference.remove_prefix(k_scheme.size());
    }
    if (Digest::parse_hex(reference)) {
        return {"@anonymous", std::string(reference)};
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
