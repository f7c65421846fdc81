#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kiln {

/// Plain worker threads for plain functions. A task never waits for another task of the same pool
/// to start; work that must be waited for is helped along by the waiter (see
/// layers/block_pipeline). Thread   submit() from anywhere. The destructor finishes what was
/// submitted.
class ThreadPool {
  public:
    explicit ThreadPool(std::size_t threads);
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    ~ThreadPool();

    void submit(std::function<void()> task);

    [[nodiscard]] std::size_t size() const { return threads_.size(); }

  private:
    void work();

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::function<void()>> tasks_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace kiln
