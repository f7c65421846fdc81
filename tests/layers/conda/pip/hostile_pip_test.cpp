#include "tests/support/check_pip_report.hpp"
#include "tests/support/check_requirement_lines.hpp"
#include "tests/support/mutation.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

// The checkers of the fuzz harnesses, on seeds of theirs that were changed a little.

namespace kiln::testing {
namespace {

RC_GTEST_PROP(HostilePip, RequirementLinesKeepTheirLaws, ()) {
    check_requirement_lines(as_bytes(arbitrary_mutation("requirement_lines")));
}

RC_GTEST_PROP(HostilePip, ReportsKeepTheirLaws, ()) {
    check_pip_report(as_bytes(arbitrary_mutation("pip_report")));
}

}  // namespace
}  // namespace kiln::testing
