#include "tests/daemon/exec/executor_conformance.hpp"
#include "tests/daemon/exec/sandbox_subject.hpp"
#include "tests/support/fake_executor.hpp"

namespace kiln::testing {
namespace {

ExecutorSubject make_fake_subject() {
    ExecutorSubject subject;
    subject.executor = std::make_unique<FakeExecutor>();
    return subject;
}

INSTANTIATE_TEST_SUITE_P(
    ,
    ExecutorConformance,
    ::testing::Values(
        ExecutorKind{.name = "Fake", .make = make_fake_subject},
        ExecutorKind{.name = "Sandbox", .make = make_sandbox_subject}
    ),
    kind_name
);

}  // namespace
}  // namespace kiln::testing
