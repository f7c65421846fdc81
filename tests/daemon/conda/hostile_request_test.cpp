#include "tests/support/check_lock_request.hpp"
#include "tests/support/mutation.hpp"

#include <rapidcheck/gtest.h>

namespace kiln::daemon {
namespace {

RC_GTEST_PROP(LockRequest, IsRefusedOrPlannedWhateverItsBytes, ()) {
    testing::check_lock_request(as_bytes(testing::arbitrary_mutation("lock_request")));
}

}  // namespace
}  // namespace kiln::daemon
