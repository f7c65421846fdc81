#pragma once

#include "store/base/bytes.hpp"
#include "store/records.hpp"

#include <vector>

namespace kiln::store {

// Lists that the index keeps as one value each. Errors of parse: corrupt.

Bytes render_frames(const FrameMap& frames);
Result<FrameMap> parse_frames(ByteSpan bytes);

Bytes render_digests(const std::vector<Digest>& digests);
Result<std::vector<Digest>> parse_digests(ByteSpan bytes);

Bytes render_ingredients(const std::vector<Ingredient>& ingredients);
Result<std::vector<Ingredient>> parse_ingredients(ByteSpan bytes);

}  // namespace kiln::store
