#include "tests/support/check_lock_request.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_lock_request(std::as_bytes(std::span(data, size)));
    return 0;
}
