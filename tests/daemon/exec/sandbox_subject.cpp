#include "tests/daemon/exec/sandbox_subject.hpp"

#include "daemon/exec/sandbox.hpp"
#include "store/base/log.hpp"
#include "tests/support/temp_directory.hpp"

#include <unistd.h>

namespace kiln::testing {
namespace {

struct Ground {
    SystemClock clock;
    Log log{STDERR_FILENO, LogLevel::error, clock};
    TempDirectory directory;
};

}  // namespace

ExecutorSubject make_sandbox_subject() {
    return make_sandbox_subject_with("pasta");
}

ExecutorSubject make_sandbox_subject_with(const std::string& pasta) {
    auto ground = std::make_shared<Ground>();
    ExecutorSubject subject;
    exec::SandboxOptions options;
    options.directory = ground->directory.path("unpacked");
    options.pasta = pasta;
    subject.store = options.directory;
    auto sandbox = exec::make_sandbox(options, ground->log);
    if (!sandbox) {
        subject.skip = sandbox.error().render();
        return subject;
    }
    const exec::Description description = (*sandbox)->describe();
    if (description.rung == 4) {
        subject.skip = description.reason;
        return subject;
    }
    for (const exec::Check& check : description.checks) {
        subject.has_one_id |= check.name == "ids of the sandbox" && !check.ok;
    }
    subject.ground = std::move(ground);
    subject.executor = *std::move(sandbox);
    return subject;
}

}  // namespace kiln::testing
