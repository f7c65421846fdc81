#include "tests/support/check_repodata.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_repodata(std::as_bytes(std::span(data, size)));
    return 0;
}
