#pragma once

#include "daemon/build/known_layers.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/build/part_layers.hpp"
#include "daemon/services.hpp"
#include "layers/conda/conda_meta.hpp"
#include "layers/conda/environment_plan.hpp"
#include "layers/conda/scripts/compile_pyc.hpp"
#include "layers/tree/file_tree.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// Packages that share a layer of the image.
struct PackageGroup {
    std::vector<std::size_t> packages;  // indexes into the plan's, as they lie in the layer
    std::string names;
    LaidLayer laid = {};  // without a layer: not yet made
};

/// The file of a package in conda-meta, on its way to those of the others.
struct RecordPart {
    Digest key;
    std::optional<KnownPart> known = std::nullopt;
    std::optional<conda::CondaRecord> made = std::nullopt;
};

/// All layers of an environment, and what of them is known.
struct CondaInventory {
    std::vector<PackageGroup> groups;
    std::optional<LaidLayer> meta;    // conda-meta as a whole
    std::vector<RecordPart> records;  // of each package; empty where `meta` is known

    /// Whether something is to be made for this group, or learnt from it.
    [[nodiscard]] bool is_missing(const PackageGroup& group) const;
};

/// The layers of conda environments: each made once, and found again by what it was made of.
/// Thread   pool, several at once.
class CondaLayers {
  public:
    CondaLayers(Services& services, LayerWriting writing, bool no_cache)
        : services_(services),
          known_(services.store, writing.lease, no_cache),
          parts_(writing, no_cache),
          writing_(std::move(writing)) {}

    /// What is known of an environment whose packages with content are in these groups.
    [[nodiscard]] Result<CondaInventory> find(
        const conda::EnvironmentPlan& plan, std::vector<PackageGroup> groups
    ) const;
    /// Makes a group's layer where it is not known, and the records that its packages lack, under
    /// the lease and not yet remembered. Groups don't touch each other's.
    /// Errors   those of the package, and of the store.
    [[nodiscard]] Result<void> lay(
        const conda::EnvironmentPlan& plan, PackageGroup& group, std::vector<RecordPart>& records
    ) const;
    /// conda-meta, once all groups are laid; not yet remembered.
    [[nodiscard]] Result<LaidLayer> lay_meta(
        const conda::EnvironmentPlan& plan, CondaInventory& inventory
    ) const;

    [[nodiscard]] Result<void> remember(const LaidLayer& layer) const {
        return parts_.remember(layer);
    }

    /// What CompilePlan wants to lie in the image while it runs.
    [[nodiscard]] Result<KnownLayer> compile_list(const conda::CompilePlan& compile) const;
    /// The directories above a prefix that a base lacks.
    /// Errors   invalid_input: the base has something else in their place.
    [[nodiscard]] Result<KnownLayer> parents(const std::string& prefix, const tree::FileTree& base)
        const;

  private:
    [[nodiscard]] Result<void> lay_packages(const conda::EnvironmentPlan& plan, PackageGroup& group)
        const;
    [[nodiscard]] Result<void> write_payload(
        const conda::PlannedPackage& planned, LayerBuilder& layer
    ) const;
    [[nodiscard]] Result<KnownLayer> found_or_made(
        const Digest& key, const std::string& origin, const FillLayer& fill
    ) const;

    Services& services_;
    KnownLayers known_;
    PartLayers parts_;
    LayerWriting writing_;
};

/// What whoever makes a record should hear: files that are not what the package says of them.
std::optional<std::string> warning_of(
    const conda::PlannedPackage& planned, const conda::CondaRecord& record
);

}  // namespace kiln::daemon
