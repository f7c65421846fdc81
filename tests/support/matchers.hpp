#pragma once

#include "store/base/error.hpp"

#include <gmock/gmock.h>

#include <ostream>

namespace kiln {

inline void PrintTo(const Span& span, std::ostream* out) {
    *out << span.file << ":" << span.line << ":" << span.column << "-" << span.end_column;
}

inline void PrintTo(const Error& error, std::ostream* out) {
    *out << facts(error.code).name << ": " << error.render();
}

}  // namespace kiln

namespace kiln::testing {

/// EXPECT_THAT(result, Succeeds()): prints the error otherwise.
MATCHER(Succeeds, "succeeds") {
    if (arg) {
        return true;
    }
    *result_listener << "failed with " << facts(arg.error().code).name << ": "
                     << arg.error().render();
    return false;
}

/// EXPECT_THAT(result, FailsWith(Code::corrupt)).
MATCHER_P(FailsWith, code, std::string("fails with ") + std::string(facts(code).name)) {
    if (arg) {
        *result_listener << "succeeded";
        return false;
    }
    *result_listener << "failed with " << facts(arg.error().code).name << ": "
                     << arg.error().render();
    return arg.error().code == code;
}

/// EXPECT_THAT(result, FailsSaying(Code::not_found, "app.py")): code and a part of the message.
MATCHER_P2(FailsSaying, code, part, std::string("fails saying ") + part) {
    if (arg) {
        *result_listener << "succeeded";
        return false;
    }
    *result_listener << "failed with " << facts(arg.error().code).name << ": "
                     << arg.error().render();
    return arg.error().code == code && arg.error().render().find(part) != std::string::npos;
}

}  // namespace kiln::testing
