#pragma once

#include "daemon/build/image.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Which image another one was built on. The image itself does not say: its bytes are those of its
/// layers and config alone, so that equal builds are equal. So the store remembers it with what the
/// cache knows, and keeps the documents of the base, that is its manifest and config, as long.
/// Nothing is written when it is known already.
Result<void> remember_base(
    store::Store& store, const store::Lease& lease, const Digest& image, const Image& base
);

/// The image that `image` stands on: what a build remembered; or what the annotation
/// org.opencontainers.image.base.digest of another builder says, if that is in the store; or the
/// only named image whose layers are its lower part.
/// Errors   not_found with a hint: none of them; invalid_input: there are several such images, and
///          which one it was decides what is kept.
Result<Image> find_base(store::Store& store, const Image& image, const std::string& name);

}  // namespace kiln::daemon
