#pragma once

#include "daemon/registry/upload.hpp"
#include "layers/oci/manifest.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace kiln::registry {

/// "sha256-HEX": the tag whose index stands in for the referrers API where a registry has none
/// (distribution-spec 1.1, "Referrers Tag Schema").
std::string referrers_tag(const Digest& subject);

/// The index of that tag with one more entry; `index` is empty where there is none yet. nullopt
/// when the entry is there already.
/// Errors   upstream when what the tag names is no index: it is somebody's, and not written over.
Result<std::optional<std::string>> with_referrer(
    std::string_view index, const oci::LinkedDescriptor& referrer
);

/// Lists a manifest that was pushed under that tag. Two who push at once may lose one's entry, as
/// the specification says of the tag; pushing again mends it.
Awaitable<Result<void>> list_referrer(
    Uploader& uploader, Digest subject, oci::LinkedDescriptor referrer
);

}  // namespace kiln::registry
