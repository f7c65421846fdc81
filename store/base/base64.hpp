#pragma once

#include "store/base/bytes.hpp"

#include <string>
#include <string_view>

namespace kiln {

/// Base64 with padding (RFC 4648, section 4): bytes in JSON, basic authentication.
std::string render_base64(ByteSpan bytes);
/// Inverse of render_base64(). Errors: invalid_input for anything but that exact form.
Result<Bytes> parse_base64(std::string_view text);

}  // namespace kiln
