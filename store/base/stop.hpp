#pragma once

#include "store/base/error.hpp"

#include <stop_token>

namespace kiln {

/// What pool work calls once an entry or once a MiB: cancelled when somebody asked to stop.
inline Result<void> check(const std::stop_token& stop) {
    if (stop.stop_requested()) {
        return fail(Code::cancelled, "cancelled");
    }
    return {};
}

}  // namespace kiln
