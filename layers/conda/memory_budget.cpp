#include "layers/conda/memory_budget.hpp"

#include <algorithm>

namespace kiln::conda {

MemoryBudget::Share MemoryBudget::acquire(std::uint64_t bytes) {
    const std::uint64_t wanted = std::min(bytes, bytes_);
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return left_ >= wanted; });
    left_ -= wanted;
    return Share(this, wanted);
}

void MemoryBudget::give_back(std::uint64_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        left_ += bytes;
    }
    freed_.notify_all();
}

}  // namespace kiln::conda
