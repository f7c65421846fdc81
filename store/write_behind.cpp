#include "store/write_behind.hpp"

#include "store/base/limits.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace kiln::store {
namespace {

constexpr std::size_t k_write_bytes = limits::k_mib;

}  // namespace

struct WriteBehind::Shared {
    enum class Stage : std::uint8_t { idle, waiting, writing };

    explicit Shared(NewFile from)
        : file(std::move(from)) {}

    /// Writes the full buffer if nobody has begun to.
    void write_waiting(std::unique_lock<std::mutex>& lock) {
        if (stage != Stage::waiting) {
            return;
        }
        stage = Stage::writing;
        lock.unlock();
        auto written = file.write(full);
        lock.lock();
        stage = Stage::idle;
        if (!written) {
            outcome = std::move(written);
        }
        changed.notify_all();
    }

    /// The full buffer is free again.
    Result<void> settle(std::unique_lock<std::mutex>& lock) {
        write_waiting(lock);
        changed.wait(lock, [this] { return stage == Stage::idle; });
        return outcome;
    }

    NewFile file;
    std::mutex mutex;
    std::condition_variable changed;
    Stage stage = Stage::idle;
    Bytes full;
    Result<void> outcome;
};

WriteBehind::WriteBehind(NewFile file, ThreadPool& pool)
    : shared_(std::make_shared<Shared>(std::move(file))),
      pool_(pool) {}

WriteBehind::~WriteBehind() {
    std::unique_lock lock(shared_->mutex);
    if (shared_->stage == Shared::Stage::waiting) {
        shared_->stage = Shared::Stage::idle;  // nobody wants it any more
    }
    shared_->changed.wait(lock, [this] { return shared_->stage == Shared::Stage::idle; });
}

Result<void> WriteBehind::write(ByteSpan bytes) {
    while (!bytes.empty()) {
        const std::size_t count = std::min(bytes.size(), k_write_bytes - filling_.size());
        filling_.insert(filling_.end(), bytes.begin(), bytes.begin() + static_cast<long>(count));
        size_bytes_ += count;
        bytes = bytes.subspan(count);
        if (filling_.size() < k_write_bytes) {
            continue;
        }
        {
            std::unique_lock lock(shared_->mutex);
            TRY(shared_->settle(lock));
            shared_->full.swap(filling_);
            shared_->stage = Shared::Stage::waiting;
        }
        filling_.clear();
        pool_.submit([shared = shared_] {
            std::unique_lock lock(shared->mutex);
            shared->write_waiting(lock);
        });
    }
    return {};
}

Result<NewFile> WriteBehind::finish() {
    std::unique_lock lock(shared_->mutex);
    TRY(shared_->settle(lock));
    TRY(shared_->file.write(filling_));
    return std::move(shared_->file);
}

}  // namespace kiln::store
