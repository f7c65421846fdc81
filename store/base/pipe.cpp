#include "store/base/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace kiln {

Result<Pipe> Pipe::make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("pipe");
    }
    return Pipe{.read_end = Fd(ends[0]), .write_end = Fd(ends[1])};
}

}  // namespace kiln
