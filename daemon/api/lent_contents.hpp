#pragma once

#include "daemon/api/exchange.hpp"
#include "store/base/file.hpp"
#include "store/pack_stream.hpp"

#include <vector>

namespace kiln::daemon {

/// A file that a client keeps open for us, and what it says of it.
struct LentContent {
    store::PackHeader header;
    Fd file;
};

/// Those of one request (SCM_RIGHTS): in the body a header for each, as before contents, in their
/// order. A socket that is forwarded loses files: then there are fewer than headers.
/// Errors   invalid_input: a body that is no row of headers.
Awaitable<Result<std::vector<LentContent>>> receive_contents(Exchange& exchange);

}  // namespace kiln::daemon
