#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Whatever the bytes: decompress() and zlib read the same out of gzip members, or both refuse; and
/// as content the bytes come back from every compressor.
void check_gzip_members(ByteSpan bytes);

}  // namespace kiln::testing
