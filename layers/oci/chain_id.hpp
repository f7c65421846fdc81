#pragma once

#include "store/digest.hpp"

#include <span>
#include <string>
#include <vector>

namespace kiln::oci {

/// What names a stack of layers (image-spec config.md, "Layer ChainID"): element i covers the
/// layers 0 to i. ChainID(L0) is L0 itself.
std::vector<std::string> chain_ids(std::span<const std::string> diff_ids);
/// The ChainID of the whole stack; zero for none.
Digest chain_id(std::span<const Digest> diff_ids);

}  // namespace kiln::oci
