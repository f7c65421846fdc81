#pragma once

#include "daemon/exec/run_spec.hpp"
#include "store/digest.hpp"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace kiln::exec {

/// Which layers some RUN stands on. Thread   any.
class LayersInUse {
  public:
    /// Held until it is destroyed; `owner` outlives it.
    class Hold {
      public:
        Hold(LayersInUse& owner, std::vector<Digest> layers)
            : owner_(&owner),
              layers_(std::move(layers)) {}

        Hold(Hold&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)),
              layers_(std::move(other.layers_)) {}

        Hold& operator=(Hold&&) = delete;
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

        ~Hold() {
            if (owner_ != nullptr) {
                owner_->let_go(layers_);
            }
        }

      private:
        LayersInUse* owner_;
        std::vector<Digest> layers_;
    };

    [[nodiscard]] Hold hold(const std::vector<LowerLayer>& layers) {
        std::vector<Digest> held;
        const std::lock_guard lock(mutex_);
        for (const LowerLayer& layer : layers) {
            ++counts_[layer.diff_id];
            held.push_back(layer.diff_id);
        }
        return {*this, std::move(held)};
    }

    [[nodiscard]] bool is_held(const Digest& diff_id) {
        const std::lock_guard lock(mutex_);
        return counts_.contains(diff_id);
    }

  private:
    void let_go(const std::vector<Digest>& layers) {
        const std::lock_guard lock(mutex_);
        for (const Digest& layer : layers) {
            const auto found = counts_.find(layer);
            if (--found->second == 0) {
                counts_.erase(found);
            }
        }
    }

    std::mutex mutex_;
    std::map<Digest, std::size_t> counts_;
};

}  // namespace kiln::exec
