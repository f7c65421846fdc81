#include "tests/support/check_dockerignore.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::check_dockerignore({reinterpret_cast<const char*>(data), size});
    return 0;
}
