#pragma once

#include "client/progress/progress.hpp"
#include "client/progress/step_log.hpp"

#include <map>

namespace kiln::client {

/// Nothing, until a step fails: then what it printed last, because the error alone would not tell
/// why.
class QuietProgress final : public Progress {
  public:
    std::string take(const wire::Event& event, std::string_view line, const Moment& moment)
        override;

  private:
    std::map<std::uint64_t, StepLog> logs_;
};

}  // namespace kiln::client
