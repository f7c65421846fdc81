#pragma once

#include "daemon/api/exchange.hpp"
#include "store/base/log.hpp"

#include <functional>

namespace kiln::daemon {

/// Answers one request; an Error that comes back before an answer was begun is answered as a
/// problem.
using Dispatch = std::function<Awaitable<Result<void>>(Exchange&)>;

/// One connection: requests one after the other until the client closes, errs, or asks for the last
/// one. Errors of one request never end the daemon; internal ones are logged under an id and told
/// without details.
Awaitable<void> serve(LocalSocket socket, Peer peer, const Dispatch& dispatch, Log& log);

}  // namespace kiln::daemon
