#include "tests/support/test_daemon.hpp"

#include "store/base/limits.hpp"
#include "tests/support/matchers.hpp"

#include <unistd.h>

namespace kiln::testing {

TestDaemon::TestDaemon()
    : log_(STDERR_FILENO, LogLevel::error, clock_),
      flights_(context_.get_executor()),
      services_{
          *store,
          pool_,
          waiters_,
          executor,
          flights_,
          planned_,
          clock_,
          log_,
          context_.get_executor(),
          {},
          package_memory_,
          {},
          known_packages_,
          registries_,
          {}},
      contexts_(services_),
      builds_(services_, contexts_) {
    daemon::add_routes(router_, services_, contexts_, builds_, daemon::SystemFacts{"/root", 0, 2});
}

TestDaemon::~TestDaemon() = default;

daemon::BuildRequest TestDaemon::request_for(
    const std::string& dockerfile, const std::string& tag
) {
    daemon::BuildRequest request;
    request.dockerfile = {"Dockerfile", dockerfile};
    if (!tag.empty()) {
        request.tags = {tag};
    }
    request.max_layers = limits::k_image_layers;
    request.detach = true;
    return request;
}

std::shared_ptr<daemon::Job> TestDaemon::start(
    const std::string& dockerfile, const std::string& tag
) {
    return start(request_for(dockerfile, tag));
}

std::shared_ptr<daemon::Job> TestDaemon::start(daemon::BuildRequest request) {
    auto job = builds_.start(std::move(request), {});
    EXPECT_THAT(job, Succeeds());
    return job.value();
}

void TestDaemon::run_until_idle() {
    // Work on the pools holds the loop open until it has come back.
    context_.restart();
    context_.run();
}

std::shared_ptr<daemon::Job> TestDaemon::build(
    const std::string& dockerfile, const std::string& tag
) {
    auto job = start(dockerfile, tag);
    run_until_idle();
    EXPECT_TRUE(job->finished());
    return job;
}

}  // namespace kiln::testing
