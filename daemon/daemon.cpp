#include "daemon/daemon.hpp"

#include "daemon/api/resources.hpp"
#include "daemon/api/session.hpp"
#include "daemon/build/known_packages.hpp"
#include "daemon/environments/base_follower.hpp"
#include "daemon/environments/curation.hpp"
#include "daemon/exec/sandbox.hpp"
#include "daemon/listener.hpp"
#include "daemon/registry/memory.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/memory_budget.hpp"
#include "layers/oci/reachable.hpp"
#include "store/base/limits.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace kiln::daemon {
namespace {

/// Threads for work that waits: RUNs, slow readers, long checks. More than this wait in line.
constexpr std::size_t k_waiters = 16;
/// Room for two packages with the largest window and half of their payload in memory.
/// The store's own threads: who waits for the disk keeps nobody from hashing and compressing.
constexpr std::size_t k_least_writers = 4;
constexpr std::uint64_t k_package_memory_bytes = 256 * limits::k_mib;
constexpr std::chrono::seconds k_patience(10);
constexpr std::chrono::seconds k_uses_interval(30);

/// Last uses are written now and then, not with every build: a rebuild in which nothing changed
/// stays quick.
Awaitable<void> write_uses_now_and_then(Services& services) {
    boost::asio::steady_timer timer(services.loop);
    while (true) {
        timer.expires_after(k_uses_interval);
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        auto write = [&services] { return services.store.write_uses(); };
        const auto written = co_await run_on(services.pool, std::move(write));
        if (!written) {
            services.log.warning("uses_not_written", {{"error", written.error().render()}});
        }
    }
}

Result<std::unique_ptr<store::Store>> open_store(
    const Options& options,
    ThreadPool& pool,
    const Clock& clock,
    std::unique_ptr<exec::Executor>& executor
) {
    store::StoreOptions opening{.root = options.root, .pool = pool, .clock = clock};
    opening.reaches = [](const Descriptor& descriptor, ByteSpan bytes) {
        return oci::reachable(descriptor, bytes);
    };
    // The executor lives below the store's root, so it comes after the store; nothing is collected
    // before.
    opening.unpacked.remove = [&executor](const Digest& layer) {
        return executor ? executor->remove_layer(layer) : Result<void>();
    };
    opening.unpacked.size_bytes = [&executor](const Digest& layer) -> Result<std::uint64_t> {
        if (!executor) {
            return std::uint64_t{0};
        }
        TRY_ASSIGN(const auto layers, executor->layers());
        for (const exec::UnpackedLayer& each : layers) {
            if (each.diff_id == layer) {
                return each.size_bytes;
            }
        }
        return std::uint64_t{0};
    };
    return store::Store::open(opening);
}

Awaitable<void> shut_down(
    boost::asio::io_context& context,
    boost::asio::local::stream_protocol::acceptor& acceptor,
    BaseFollower& follower,
    BuildTable& builds
) {
    acceptor.close();
    follower.stop();
    co_await builds.close(k_patience);
    context.stop();
}

class Daemon {
  public:
    Daemon(
        const Options& options,
        ListeningSocket socket,
        store::Store& store,
        exec::Executor& executor,
        ThreadPool& pool,
        Log& log,
        const Clock& clock
    )
        : socket_path_(socket.path),
          owns_socket_(!socket.inherited),
          waiters_(k_waiters),
          flights_(context_.get_executor()),
          services_{
              store,
              pool,
              waiters_,
              executor,
              flights_,
              planned_,
              clock,
              log,
              context_.get_executor(),
              options.insecure_registries,
              package_memory_,
              options.conda,
              known_packages_,
              registries_,
              options.workspaces},
          contexts_(services_),
          builds_(services_, contexts_),
          follower_(services_, builds_),
          acceptor_(context_, boost::asio::local::stream_protocol(), socket.fd.release()),
          signals_(context_, SIGTERM, SIGINT) {
        admission_.own_uid = ::geteuid();
        admission_.uids = options.allowed_uids;

        struct stat facts {};

        if (::stat(socket_path_.c_str(), &facts) == 0) {
            admission_.socket_gid = facts.st_gid;
        }
        add_routes(
            router_,
            services_,
            contexts_,
            builds_,
            SystemFacts{options.root, clock.now(), options.workers}
        );
    }

    void run() {
        const Dispatch dispatch = [this](Exchange& exchange) { return router_.dispatch(exchange); };
        boost::asio::co_spawn(
            context_,
            accept_sessions(acceptor_, admission_, dispatch, services_.log),
            boost::asio::detached
        );
        boost::asio::co_spawn(context_, write_uses_now_and_then(services_), boost::asio::detached);
        boost::asio::co_spawn(context_, follower_.run(), boost::asio::detached);
        services_.pool.submit([this] { catch_up_with_followed(services_); });
        signals_.async_wait([this](const boost::system::error_code& error, int) {
            if (!error) {
                notify_service_manager("STOPPING=1");
                boost::asio::co_spawn(
                    context_,
                    shut_down(context_, acceptor_, follower_, builds_),
                    boost::asio::detached
                );
            }
        });
        ::malloc_trim(0);  // a daemon that waits keeps nothing of what starting took
        std::fprintf(stderr, "listening on unix:%s\n", socket_path_.c_str());
        notify_service_manager("READY=1");
        context_.run();
        if (owns_socket_) {
            ::unlink(socket_path_.c_str());
        }
    }

  private:
    std::string socket_path_;
    bool owns_socket_;
    boost::asio::io_context context_{1};
    ThreadPool waiters_;
    SingleFlight flights_;
    PlannedKeys planned_;
    KnownPackages known_packages_;
    conda::MemoryBudget package_memory_{k_package_memory_bytes};
    registry::Memory registries_;
    Services services_;
    ContextTable contexts_;
    BuildTable builds_;
    BaseFollower follower_;
    Router router_;
    Admission admission_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    boost::asio::signal_set signals_;
};

}  // namespace

Result<void> run_daemon(const Options& options) {
    const SystemClock clock;
    Log log(STDERR_FILENO, options.log_level, clock);
    ThreadPool pool(options.workers);
    std::unique_ptr<exec::Executor> executor;
    ThreadPool writers(std::max(options.workers, k_least_writers));
    TRY_ASSIGN(const auto store, open_store(options, writers, clock, executor));
    exec::SandboxOptions sandbox{.directory = store->unpacked_path()};
    sandbox.workers = static_cast<std::uint32_t>(options.workers);
    TRY_ASSIGN(executor, exec::make_sandbox(std::move(sandbox), log));
    TRY_ASSIGN(ListeningSocket socket, open_listening_socket(options.socket));
    Daemon(options, std::move(socket), *store, *executor, pool, log, clock).run();
    TRY(store->write_uses());
    executor.reset();
    return {};
}

}  // namespace kiln::daemon
