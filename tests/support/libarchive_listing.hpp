#pragma once

#include "layers/tar/tar_entry.hpp"
#include "store/base/bytes.hpp"

#include <vector>

namespace kiln::testing {

/// What libarchive reads out of a tar archive: the second judge of our reader. Names are cleaned as
/// ours are, attributes left out.
struct LibarchiveListing {
    std::vector<tar::TarEntry> entries;
    bool whole = false;  // no error and no warning up to the end
};

LibarchiveListing list_with_libarchive(ByteSpan archive);

}  // namespace kiln::testing
