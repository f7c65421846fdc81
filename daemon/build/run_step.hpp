#pragma once

#include "daemon/build/accounts.hpp"
#include "daemon/build/cache_key.hpp"
#include "daemon/build/graph.hpp"
#include "daemon/build/job.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/exec/executor.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace kiln::daemon {

/// A RUN with everything settled that its result depends on.
struct PreparedRun {
    exec::RunSpec spec;  // without the layers' descriptors
    std::vector<Digest> diff_ids;
    std::string scratch;
    CacheKey key{"run/1"};
};

/// Errors   not_found for a USER that the image lacks.
Result<PreparedRun> prepare_run(
    const RunStep& step,
    const SourceTree& files,
    const std::vector<Digest>& diff_ids,
    const BuildRequest& request
);

/// Runs it and makes a layer of what it changed; nullopt when it changed nothing. The output
/// becomes log events. Errors   step_failed with the place; those of the executor. Thread   a
/// waiter.
Result<std::optional<LayerFacts>> execute_run(
    PreparedRun run,
    const Step& step,
    const std::shared_ptr<Job>& job,
    exec::Executor& executor,
    const LayerWriting& writing
);

/// Lays out the layers that are not unpacked yet, and opens what RunSpec needs of each.
Result<void> unpack_layers(
    exec::Executor& executor,
    store::Store& store,
    const std::vector<Digest>& diff_ids,
    const std::stop_token& stop
);

/// The tables of the layers of a RunSpec, open for as long as this lives.
class LowerLayers {
  public:
    static Result<LowerLayers> open(store::Store& store, const std::vector<Digest>& diff_ids);

    [[nodiscard]] const std::vector<exec::LowerLayer>& layers() const { return layers_; }

  private:
    std::vector<Fd> tables_;
    std::vector<exec::LowerLayer> layers_;
};

}  // namespace kiln::daemon
