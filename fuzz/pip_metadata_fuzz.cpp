#include "tests/support/check_pip_metadata.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_pip_metadata(std::as_bytes(std::span(data, size)));
    return 0;
}
