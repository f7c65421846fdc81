#pragma once

#include <string_view>

namespace kiln::daemon {

/// The OpenAPI 3.0 description of the wire (openapi.json beside this file), compiled in.
std::string_view openapi_document();

}  // namespace kiln::daemon
