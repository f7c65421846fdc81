#pragma once

#include "store/base/error.hpp"
#include "store/base/json.hpp"

namespace kiln::daemon {

/// An Error as application/problem+json (RFC 9457), every field present.
json::Value render_problem(const Error& error);

/// What is wrong with bytes that came with the request is its sender's mistake; nothing of the
/// store is damaged.
Error as_sent(Error error);

/// A Span, or null.
json::Value render_span(const std::optional<Span>& span);

}  // namespace kiln::daemon
