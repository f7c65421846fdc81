#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as the stream of a context's contents: whatever the size of the reads, the answer is
/// the same; what is taken is exactly its headers and contents, each with its digest.
/// Ends the process on a broken law.
void check_context_upload(ByteSpan bytes);

}  // namespace kiln::testing
