#include "tests/support/check_conda_lock.hpp"

#include "tests/support/check_locked_input.hpp"

namespace kiln::testing {

void check_conda_lock(ByteSpan bytes) {
    check_locked_input(as_text(bytes), {});
    check_locked_input(as_text(bytes), {.platform = "osx-64", .categories = {"main", "dev"}});
}

}  // namespace kiln::testing
