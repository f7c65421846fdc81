#include "tests/support/check_dockerfile.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::check_dockerfile({reinterpret_cast<const char*>(data), size});
    return 0;
}
