#pragma once

#include "store/base/json.hpp"

namespace kiln::client::wire {

/// An application/problem+json body as the Error it was in the daemon.
/// Errors   the outer failure is a body that is no problem at all.
Result<Error> parse_problem(const json::Value& value);

}  // namespace kiln::client::wire
