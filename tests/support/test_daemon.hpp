#pragma once

#include "daemon/api/resources.hpp"
#include "daemon/build/build_table.hpp"
#include "daemon/build/known_packages.hpp"
#include "daemon/registry/memory.hpp"
#include "layers/conda/memory_budget.hpp"
#include "tests/support/fake_executor.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_store.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace kiln::testing {

/// All of the daemon but its socket and its sandbox, in this process and on this thread's loop.
class TestDaemon {
  public:
    TestDaemon();
    ~TestDaemon();
    TestDaemon(const TestDaemon&) = delete;
    TestDaemon& operator=(const TestDaemon&) = delete;

    TempStore store;
    FakeExecutor executor;

    daemon::Services& services() { return services_; }

    daemon::BuildTable& builds() { return builds_; }

    daemon::Router& router() { return router_; }

    /// A build without a context; runs the loop until all that was started has ended.
    std::shared_ptr<daemon::Job> start(
        const std::string& dockerfile, const std::string& tag = "app:1"
    );
    std::shared_ptr<daemon::Job> start(daemon::BuildRequest request);
    void run_until_idle();
    std::shared_ptr<daemon::Job> build(
        const std::string& dockerfile, const std::string& tag = "app:1"
    );

    static daemon::BuildRequest request_for(const std::string& dockerfile, const std::string& tag);

  private:
    boost::asio::io_context context_{1};
    ManualClock clock_;
    Log log_;
    ThreadPool pool_{2};
    ThreadPool waiters_{4};
    daemon::SingleFlight flights_;
    daemon::PlannedKeys planned_;
    daemon::KnownPackages known_packages_;
    conda::MemoryBudget package_memory_{std::uint64_t{64} << 20U};
    registry::Memory registries_;
    daemon::Services services_;
    daemon::ContextTable contexts_;
    daemon::BuildTable builds_;
    daemon::Router router_;
};

}  // namespace kiln::testing
