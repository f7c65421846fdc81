#include "tests/support/check_pip_report.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_pip_report(std::as_bytes(std::span(data, size)));
    return 0;
}
