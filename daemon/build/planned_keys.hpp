#pragma once

#include "daemon/build/cache_key.hpp"
#include "daemon/build/graph.hpp"
#include "daemon/build/request.hpp"

#include <deque>
#include <map>
#include <optional>

namespace kiln::daemon {

/// All that a COPY or ADD depends on, before anybody looks at a file: what it reads (a listing's
/// digest, or the chain_id of layers), what it lands on, and its words.
Digest copy_inputs(
    const CopyStep& step, const Digest& origin, const Digest& below, const BuildRequest& request
);

/// Which key planning a COPY came to, by its inputs: a rebuild in which nothing changed plans
/// nothing. The oldest are forgotten; a key that is not remembered is planned again.
/// Thread   the loop.
class PlannedKeys {
  public:
    [[nodiscard]] std::optional<Digest> find(const Digest& inputs) const;
    void remember(const Digest& inputs, const Digest& key);

  private:
    static constexpr std::size_t k_most = 4096;

    std::map<Digest, Digest> keys_;
    std::deque<Digest> order_;  // of the inputs, the oldest first
};

}  // namespace kiln::daemon
