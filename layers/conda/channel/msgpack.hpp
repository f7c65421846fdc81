#pragma once

#include "store/base/bytes.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kiln::conda {

inline constexpr std::size_t k_msgpack_depth = 64;

/// A MessagePack document as JSON: sharded repodata is repodata in another dress, and so the same
/// readers read both. Byte strings (digests, cep-16) become lower-case hex.
/// Errors   invalid_input, `what` naming the document: a cut-off end, bytes behind it, keys that
/// are
///          no texts, texts that are not UTF-8, extensions, infinite numbers, deep nesting;
///          too_large: more than `limit_bytes` of JSON.
Result<std::string> json_of_msgpack(ByteSpan bytes, std::size_t limit_bytes, std::string_view what);

}  // namespace kiln::conda
