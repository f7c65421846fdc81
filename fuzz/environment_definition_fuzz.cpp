#include "tests/support/check_environment_definition.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_environment_definition(std::as_bytes(std::span(data, size)));
    return 0;
}
