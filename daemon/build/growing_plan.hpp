#pragma once

#include "daemon/build/bases.hpp"
#include "daemon/runtime/signal.hpp"
#include "daemon/services.hpp"

#include <boost/asio/awaitable.hpp>

#include <deque>

namespace kiln::daemon {

/// The plan of a build that runs, as far as it is known what environments set where they lie.
/// Thread   the loop; planning is done by the pool.
class GrowingPlan {
  public:
    /// `plan` outlives it.
    GrowingPlan(Services& services, const PlannedBuild& plan)
        : services_(services),
          plan_(plan),
          planned_(services.loop) {}

    /// The environment that this step laid down.
    void learn(std::size_t step, Activation activation) {
        activations_.insert_or_assign(step, std::move(activation));
    }

    /// The stage, planned with all that was learnt. It lives as long as this: steps of a stage may
    /// still be worked at when it is planned on.
    boost::asio::awaitable<Result<const Stage*>> plan_on(std::size_t stage);

  private:
    Services& services_;
    const PlannedBuild& plan_;
    Activations activations_;
    std::deque<BuildGraph> graphs_;
    bool busy_ = false;  // one stage at a time
    Signal planned_;
};

}  // namespace kiln::daemon
