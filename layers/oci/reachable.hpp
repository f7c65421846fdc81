#pragma once

#include "store/base/bytes.hpp"
#include "store/descriptor.hpp"

#include <vector>

namespace kiln::oci {

/// What a document refers to, for marking: config and layers of a manifest, manifests of an index,
/// nothing for a config, a layer or anything else. `subject` counts as well: its blob may be
/// absent. Shape    the kind is that of the descriptor's media type; when that is empty or unknown,
/// of the
///          document itself (an object with "layers" or "manifests").
/// Errors   those of the parsers.
Result<std::vector<Descriptor>> reachable(const Descriptor& descriptor, ByteSpan bytes);

}  // namespace kiln::oci
