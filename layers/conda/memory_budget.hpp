#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace kiln::conda {

/// Packages that are read side by side share so much memory: most packages of 2020 declare zstd
/// windows of 128 MiB, and as many of these as there are cores would be gigabytes.
/// Thread   any. acquire() blocks; who holds a share never waits for another, so all come to an
/// end.
class MemoryBudget {
  public:
    explicit MemoryBudget(std::uint64_t bytes)
        : bytes_(bytes),
          left_(bytes) {}

    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    class Share {
      public:
        Share(Share&& other) noexcept
            : budget_(other.budget_),
              bytes_(other.bytes_) {
            other.budget_ = nullptr;
        }

        Share& operator=(Share&&) = delete;

        ~Share() {
            if (budget_ != nullptr) {
                budget_->give_back(bytes_);
            }
        }

      private:
        friend class MemoryBudget;

        Share(MemoryBudget* budget, std::uint64_t bytes)
            : budget_(budget),
              bytes_(bytes) {}

        MemoryBudget* budget_;
        std::uint64_t bytes_;
    };

    /// Waits until so much is free. More than the whole budget is the whole budget.
    [[nodiscard]] Share acquire(std::uint64_t bytes);

  private:
    void give_back(std::uint64_t bytes);

    const std::uint64_t bytes_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::uint64_t left_;
};

}  // namespace kiln::conda
