#pragma once

#include "daemon/registry/transport.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::registry {

/// One entry of a registry's error body (distribution-spec, "Error Codes").
struct Diagnostic {
    std::string code;  // "DENIED"
    std::string message;
};

/// Empty for a body that is none; bounded in number and length, control characters gone.
std::vector<Diagnostic> parse_diagnostics(std::string_view body);

/// What an answer that is no success means: permission for 401 and 403, not_found for 404,
/// too_large for 413, else upstream; with the request and what the registry says. Never with a
/// header.
Error answer_error(const Request& request, const Response& response);

/// Whether one of its error codes is that one.
bool says(const Response& response, std::string_view code);

/// Whether the same request may succeed later: 408, 429, 5xx, or only codes that say so.
bool is_temporary(const Response& response);

/// Whether it says of a blob, which was just found or sent there, that it is unknown: who links the
/// same blob at the same time, as another push of the same image does, hides it for a moment.
bool misses_blob(const Response& response);

}  // namespace kiln::registry
