#pragma once

#include "client/bundle/bundle_layout.hpp"
#include "client/interrupt.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace kiln::client {

/// Brings a blob out of the store.
using FetchBlob = std::function<Result<void>(const BundleMember& part, ByteSink& out)>;
/// So many bytes of the file are there.
using WriteObserver = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

/// Writes a bundle into a file, which has its name when it is whole. Until then it is PATH.part,
/// and stays there when the writing breaks off: the next time what is whole of it is kept, after
/// reading it again, and only the rest is fetched. "-" is stdout; a pipe or device is written
/// straight.
/// Errors   conflict: somebody else is writing it, or PATH.part is something else;
///          digest_mismatch for a blob that is not what its digest says; those of `fetch`.
Result<void> write_bundle(
    const BundleLayout& layout,
    const std::string& path,
    int stdout_fd,
    const FetchBlob& fetch,
    const WriteObserver& observer,
    const std::stop_token& stop
);

}  // namespace kiln::client
