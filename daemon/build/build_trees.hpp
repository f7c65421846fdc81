#pragma once

#include "daemon/build/source_tree.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace kiln::daemon {

/// The layers and listings that one build looks at: each table is opened and checked once, and
/// steps that stand on the same layers share one tree. Thread   any; the store outlives it.
class BuildTrees {
  public:
    BuildTrees(store::Store& store, LentByListing lent)
        : store_(store),
          lent_(std::move(lent)) {}

    /// Errors   not_found, corrupt.
    Result<std::shared_ptr<const SourceTree>> of_layers(const std::vector<Digest>& diff_ids);
    Result<std::shared_ptr<const SourceTree>> of_listing(const Digest& listing);

  private:
    using Table = std::shared_ptr<const TableOfContents>;

    Result<Table> table_of(const Digest& name);

    store::Store& store_;
    const LentByListing lent_;
    std::mutex mutex_;
    std::map<Digest, Table> tables_;
    std::map<std::vector<Digest>, std::weak_ptr<const SourceTree>> trees_;
    std::shared_ptr<const SourceTree> latest_;  // what the next step most likely stands on
};

}  // namespace kiln::daemon
