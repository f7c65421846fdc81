#include "tests/support/check_conda_record.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_conda_record(std::as_bytes(std::span(data, size)));
    return 0;
}
