#pragma once

#include "store/base/bytes.hpp"

namespace kiln::testing {

/// Any bytes as a repodata.json: what is taken has the records that a plain parse finds, its index
/// is the same once kept and opened, and no other text is taken than JSON. The bytes as MessagePack
/// and as an index of their own are refused or keep their limits. Ends the process on a broken law.
void check_repodata(ByteSpan bytes);

}  // namespace kiln::testing
