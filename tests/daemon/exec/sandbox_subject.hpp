#pragma once

#include "tests/daemon/exec/executor_subject.hpp"

namespace kiln::testing {

/// The sandbox on a fresh store, or the reason why this machine can't have it.
ExecutorSubject make_sandbox_subject_with(const std::string& pasta);
ExecutorSubject make_sandbox_subject();

}  // namespace kiln::testing
