#pragma once

#include "client/environment.hpp"
#include "client/interrupt.hpp"
#include "client/session.hpp"

#include <string>
#include <vector>

namespace kiln::client {

/// The program `kiln`: does what the words say and gives its exit code. Errors are drawn on stderr.
int run_program(
    const std::vector<std::string>& words,
    const Environment& environment,
    const Interrupt& interrupt,
    const Streams& streams
);

}  // namespace kiln::client
