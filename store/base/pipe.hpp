#pragma once

#include "store/base/file.hpp"

namespace kiln {

/// Both ends are closed on execve.
struct Pipe {
    Fd read_end;
    Fd write_end;

    static Result<Pipe> make();
};

}  // namespace kiln
