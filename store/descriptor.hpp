#pragma once

#include "store/digest.hpp"

#include <cstdint>
#include <string>

namespace kiln {

/// What names a blob and says how to read it (image-spec descriptor.md). The media type lives here,
/// never beside the blob: one blob may be referred to by several.
struct Descriptor {
    std::string media_type;
    Digest digest;
    std::uint64_t size_bytes = 0;
    bool operator==(const Descriptor&) const = default;
};

}  // namespace kiln
