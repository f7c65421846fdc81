#pragma once

#include "store/base/clock.hpp"

#include <atomic>

namespace kiln::testing {

/// Time that passes when the test says so.
class ManualClock final : public Clock {
  public:
    [[nodiscard]] UnixSeconds now() const override { return now_.load(); }

    void advance(UnixSeconds seconds) { now_ += seconds; }

  private:
    std::atomic<UnixSeconds> now_{1'700'000'000};
};

}  // namespace kiln::testing
