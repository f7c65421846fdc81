#include "tests/support/check_dpkg_status.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_dpkg_status(std::as_bytes(std::span(data, size)));
    return 0;
}
