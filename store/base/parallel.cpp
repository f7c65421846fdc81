#include "store/base/parallel.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace kiln {
namespace {

/// What the threads share. A task that starts after everything is done finds nothing left and must
/// still find the state: hence shared ownership.
struct Round {
    std::mutex mutex;
    std::condition_variable idle;
    std::size_t next = 0;
    std::size_t count = 0;
    std::size_t running = 0;
    std::size_t failed_at = 0;
    std::optional<Error> error;
    const std::function<Result<void>(std::size_t)>* work = nullptr;  // valid while running > 0

    void run() {
        std::unique_lock lock(mutex);
        while (next < count && !error) {
            const std::size_t index = next++;
            ++running;
            lock.unlock();
            auto done = (*work)(index);
            lock.lock();
            --running;
            if (!done && (!error || index < failed_at)) {
                failed_at = index;
                error = std::move(done).error();
            }
        }
        if (running == 0) {
            idle.notify_all();
        }
    }
};

}  // namespace

Result<void> parallel_each(
    ThreadPool& pool, std::size_t count, const std::function<Result<void>(std::size_t)>& work
) {
    const auto round = std::make_shared<Round>();
    round->count = count;
    round->work = &work;
    for (std::size_t i = 1; i < std::min(count, pool.size() + 1); ++i) {
        pool.submit([round] { round->run(); });
    }
    round->run();
    std::unique_lock lock(round->mutex);
    round->idle.wait(lock, [&] { return round->running == 0; });
    if (round->error) {
        return fail(std::move(*round->error));
    }
    return {};
}

}  // namespace kiln
