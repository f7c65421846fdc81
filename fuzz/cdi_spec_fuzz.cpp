#include "tests/support/check_cdi_spec.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_cdi_spec(std::as_bytes(std::span(data, size)));
    return 0;
}
