#pragma once

#include "daemon/build/known_layers.hpp"
#include "daemon/build/layer_writer.hpp"
#include "daemon/services.hpp"
#include "layers/conda/environment_plan.hpp"
#include "layers/conda/grouping.hpp"
#include "layers/conda/scripts/compile_pyc.hpp"
#include "layers/tree/file_tree.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kiln::daemon {

/// What one package comes to.
struct PackageLayers {
    KnownLayer payload;  // without a layer: the package holds nothing that stays
    KnownLayer record;   // its file in conda-meta, to be put beside those of the others
    Digest payload_key;
    Digest record_key;
    /// What whoever makes them should hear.
    std::vector<std::string> warnings = {};

    [[nodiscard]] bool known() const { return payload.known && record.known; }
};

struct JoinedLayer {
    KnownLayer layer;
    Digest key;
    std::vector<store::CacheRecord> points;  // where the hash of its tar may be taken up
};

/// The layers of conda environments: each made once, and found again by what it was made of.
/// Thread   pool, several at once.
class CondaLayers {
  public:
    CondaLayers(Services& services, LayerWriting writing, bool no_cache)
        : services_(services),
          known_(services.store, writing.lease, no_cache),
          writing_(std::move(writing)) {}

    /// What is known of a package's layers, by their keys.
    [[nodiscard]] Result<PackageLayers> find(
        const conda::EnvironmentPlan& plan, const conda::PlannedPackage& planned
    ) const;
    /// Makes what is not known, under the lease and not yet remembered: that waits for the disk,
    /// which is no work for the pool.
    /// Errors   those of the package, and of the store.
    [[nodiscard]] Result<void> make_missing(
        const conda::EnvironmentPlan& plan,
        const conda::PlannedPackage& planned,
        PackageLayers& layers
    ) const;
    /// Makes what is new durable, and known to later builds.
    [[nodiscard]] Result<void> remember(const PackageLayers& layers) const;
    /// Several layers as one, their frames as they are, not yet remembered. One alone is itself.
    [[nodiscard]] Result<JoinedLayer> joined(
        const std::vector<LayerFacts>& members, const std::string& origin
    ) const;
    [[nodiscard]] Result<void> remember(const std::vector<JoinedLayer>& layers) const;
    /// What conda-meta holds beside the records.
    [[nodiscard]] Result<KnownLayer> meta_head(const conda::EnvironmentPlan& plan) const;
    /// What CompilePlan wants to lie in the image while it runs.
    [[nodiscard]] Result<KnownLayer> compile_list(const conda::CompilePlan& compile) const;
    /// The directories above a prefix that a base lacks.
    /// Errors   invalid_input: the base has something else in their place.
    [[nodiscard]] Result<KnownLayer> parents(const std::string& prefix, const tree::FileTree& base)
        const;

  private:
    [[nodiscard]] Result<std::optional<LayerFacts>> write_payload(
        const conda::PlannedPackage& planned
    ) const;
    [[nodiscard]] Result<void> write_record(
        const conda::EnvironmentPlan& plan,
        const conda::PlannedPackage& planned,
        PackageLayers& layers
    ) const;
    [[nodiscard]] Result<std::optional<conda::BucketPoint>> find_point(
        std::span<const LayerFacts> members
    ) const;
    [[nodiscard]] Result<Dress> dress_of(const LayerFacts& layer) const;
    [[nodiscard]] Result<KnownLayer> found_or_made(
        const Digest& key, const std::string& origin, const FillLayer& fill
    ) const;

    Services& services_;
    KnownLayers known_;
    LayerWriting writing_;
};

}  // namespace kiln::daemon
