#pragma once

#include "store/base/error.hpp"

#include <string>
#include <utility>

namespace kiln::dockerfile {

/// The text at `span` says what no Dockerfile may.
inline tl::unexpected<Error> refuse(const Span& span, std::string message, std::string hint = {}) {
    Error error{Code::invalid_input, std::move(message)};
    return fail(std::move(error).with_where(span).with_hint(std::move(hint)));
}

}  // namespace kiln::dockerfile
