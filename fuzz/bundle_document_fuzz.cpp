#include "tests/support/check_bundle_document.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kiln::testing::check_bundle_document(std::as_bytes(std::span(data, size)));
    return 0;
}
