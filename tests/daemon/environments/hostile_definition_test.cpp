#include "tests/support/check_environment_definition.hpp"
#include "tests/support/mutation.hpp"

#include <rapidcheck/gtest.h>

namespace kiln::daemon {
namespace {

RC_GTEST_PROP(Definition, IsRefusedOrKeptWhateverItsBytes, ()) {
    testing::check_environment_definition(
        as_bytes(testing::arbitrary_mutation("environment_definition"))
    );
}

}  // namespace
}  // namespace kiln::daemon
