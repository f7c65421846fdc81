#pragma once

#include "daemon/build/accounts.hpp"
#include "daemon/build/cache_key.hpp"
#include "daemon/build/graph.hpp"
#include "daemon/build/source_tree.hpp"
#include "layers/layer_builder.hpp"

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Who explains a source that is not there: ".dockerignore line 3 (*.py) excludes it", or nothing.
using ExplainAbsence = std::function<std::string(std::string_view path)>;

struct CopySurroundings {
    std::shared_ptr<const SourceTree> source;  // nullptr when there is no build context
    std::string source_name;                   // "the build context", "the stage build"
    std::shared_ptr<const SourceTree> below;   // what the image holds before the step
    Timestamps timestamps = Timestamps::fixed;
    UnixSeconds epoch = k_default_epoch;
    int scratch_directory = -1;  // for archives that ADD unpacks
    ExplainAbsence explain_absence;
};

/// What a COPY, ADD or WORKDIR puts into its layer: all entries with their content's digests,
/// before a byte is written. They are the key: whatever does not change them cannot cause a miss.
class CopyPlan {
  public:
    /// Errors   not_found and invalid_input with the place of the source.
    static Result<CopyPlan> of_copy(
        const CopyStep& step, const CopySurroundings& surroundings, const std::stop_token& stop
    );
    /// The directory and its missing parents; nothing when it is there.
    static Result<CopyPlan> of_workdir(
        const WorkdirStep& step, const CopySurroundings& surroundings
    );

    [[nodiscard]] bool empty() const { return items_.empty(); }

    [[nodiscard]] CacheKey key() const;
    /// In canonical order.
    [[nodiscard]] std::vector<tar::TarEntry> entries() const;
    /// What differs from the layer that an earlier build made at this destination, by the names the
    /// user knows: relative to the destination.
    [[nodiscard]] std::vector<Change> compare_with(const TableOfContents& earlier) const;
    Result<void> write(LayerBuilder& layer, const std::stop_token& stop) const;

  private:
    friend class CopyPlanner;

    struct Item {
        TableRow row;
        std::shared_ptr<const SourceTree> source;  // nullptr: `text`, or no content
        tree::Node node;
        std::string text;
    };

    struct PathLess {
        bool operator()(const std::string& a, const std::string& b) const {
            return tar::path_less(a, b);
        }
    };

    std::string operation_;
    std::string destination_;  // relative to the root
    std::map<std::string, Item, PathLess> items_;
};

}  // namespace kiln::daemon
