#include "tests/support/check_pixi_lock.hpp"

#include "tests/support/check_locked_input.hpp"

namespace kiln::testing {

void check_pixi_lock(ByteSpan bytes) {
    check_locked_input(as_text(bytes), {});
    check_locked_input(as_text(bytes), {.platform = "win-64", .environment = "test"});
}

}  // namespace kiln::testing
