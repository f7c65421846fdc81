#include "daemon/build/conda_layers.hpp"

#include "daemon/build/conda_packages.hpp"
#include "daemon/build/source_tree.hpp"
#include "layers/conda/memory_budget.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/prefix_parents.hpp"
#include "store/base/stop.hpp"

#include <algorithm>

namespace kiln::daemon {

using conda::EnvironmentPlan;
using conda::PlannedPackage;

namespace {

Digest payload_key(const PlannedPackage& planned) {
    return key_of("conda-package/2", planned.layer.layer_key());
}

std::vector<Digest> payload_keys(const EnvironmentPlan& plan, const PackageGroup& group) {
    std::vector<Digest> keys;
    for (const std::size_t package : group.packages) {
        keys.push_back(payload_key(plan.packages[package]));
    }
    return keys;
}

Digest head_key(const EnvironmentPlan& plan) {
    return key_of("conda-meta-head/2", plan.head_key());
}

/// Of the parts of conda-meta: what stands before the records, then one a package.
std::vector<Digest> meta_keys(const EnvironmentPlan& plan) {
    std::vector<Digest> keys{head_key(plan)};
    for (const PlannedPackage& planned : plan.packages) {
        keys.push_back(key_of("conda-record/2", plan.record_key(planned)));
    }
    return keys;
}

bool is_lacking(const RecordPart& record) {
    return !record.known && !record.made;
}

/// Whether a record is to be made of what the group's layer holds. There are none where conda-meta
/// is known.
bool lacks_records(const std::vector<RecordPart>& records, const PackageGroup& group) {
    return !records.empty() && std::ranges::any_of(group.packages, [&](std::size_t package) {
        return is_lacking(records[package]);
    });
}

}  // namespace

bool CondaInventory::is_missing(const PackageGroup& group) const {
    return !group.laid.layer.known || lacks_records(records, group);
}

std::optional<std::string> warning_of(
    const PlannedPackage& planned, const conda::CondaRecord& record
) {
    const std::vector<std::string>& unlike = record.unlike_manifest;
    if (unlike.empty()) {
        return std::nullopt;
    }
    return fmt::format(
        "{}: {} of its files {} not what its own paths.json says (sha256): {}{}",
        planned.package.file_name,
        unlike.size(),
        unlike.size() == 1 ? "is" : "are",
        unlike.front(),
        unlike.size() == 1 ? "" : ", …"
    );
}

Result<CondaInventory> CondaLayers::find(
    const EnvironmentPlan& plan, std::vector<PackageGroup> groups
) const {
    CondaInventory inventory{.groups = std::move(groups), .meta = std::nullopt, .records = {}};
    for (PackageGroup& group : inventory.groups) {
        TRY_ASSIGN(auto laid, parts_.find(payload_keys(plan, group)));
        if (laid) {
            group.laid = std::move(*laid);
        }
    }
    const std::vector<Digest> keys = meta_keys(plan);
    TRY_ASSIGN(inventory.meta, parts_.find(keys));
    if (!inventory.meta) {
        const std::vector<Digest> records(keys.begin() + 1, keys.end());
        TRY_ASSIGN(auto known, parts_.find_parts(records));
        for (std::size_t i = 0; i < records.size(); ++i) {
            inventory.records.push_back({.key = records[i], .known = std::move(known[i])});
        }
    }
    return inventory;
}

Result<void> CondaLayers::lay(
    const EnvironmentPlan& plan, PackageGroup& group, std::vector<RecordPart>& records
) const {
    TRY(check(writing_.stop));
    if (!group.laid.layer.known) {
        TRY(lay_packages(plan, group));
    }
    if (!lacks_records(records, group)) {
        return {};
    }
    ASSERT(group.laid.layer.layer.has_value());
    TRY_ASSIGN(const auto table, open_table(services_.store, group.laid.layer.layer->diff_id));
    for (const std::size_t package : group.packages) {
        if (is_lacking(records[package])) {
            records[package].made =
                conda::render_conda_meta(plan.packages[package], plan.prefix, *table);
        }
    }
    return {};
}

Result<void> CondaLayers::lay_packages(const EnvironmentPlan& plan, PackageGroup& group) const {
    const std::vector<Digest> keys = payload_keys(plan, group);
    TRY_ASSIGN(auto known, parts_.find_parts(keys));
    std::vector<PartToLay> parts;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const PlannedPackage& planned = plan.packages[group.packages[i]];
        FillLayer make = [this, &planned](LayerBuilder& layer) {
            return write_payload(planned, layer);
        };
        auto explain = [&planned](Error error) {
            const conda::EnvironmentPackage& package = planned.package;
            Error told = damaged_package(std::move(error), package.file_name, package.is_checked);
            told.where = told.where ? told.where : package.where;
            return told;
        };
        parts.push_back({keys[i], std::move(known[i]), std::move(make), std::move(explain)});
    }
    TRY_ASSIGN(group.laid, parts_.lay(std::move(parts), group.names));
    return {};
}

Result<void> CondaLayers::write_payload(const PlannedPackage& planned, LayerBuilder& layer) const {
    TRY_ASSIGN(const store::BlobReader blob, services_.store.blobs().open(planned.package.sha256));
    TRY_ASSIGN(const Fd scratch, services_.store.open_scratch());
    const conda::PackageLayerSource source{blob.fd(), scratch.get()};
    TRY_ASSIGN(const std::uint64_t needed, conda::memory_needed(source, planned));
    const auto share = services_.package_memory.acquire(needed);
    TRY(check(writing_.stop));
    TRY(conda::write_package_layer(source, planned, layer, writing_.stop));
    blob.drop_pages();  // its layer is what is read from here on
    return {};
}

Result<LaidLayer> CondaLayers::lay_meta(const EnvironmentPlan& plan, CondaInventory& inventory)
    const {
    if (inventory.meta) {
        return *inventory.meta;
    }
    std::vector<PartToLay> parts;
    const Digest head = head_key(plan);
    TRY_ASSIGN(auto known_head, parts_.find_parts({head}));
    parts.push_back({head, std::move(known_head.front()), [&plan](LayerBuilder& layer) {
                         return conda::write_conda_meta_head(plan, layer);
                     }});
    TRY_ASSIGN(const auto nothing, TableOfContents::open(TableOfContents::render({})));
    for (std::size_t i = 0; i < plan.packages.size(); ++i) {
        const PlannedPackage& planned = plan.packages[i];
        RecordPart& record = inventory.records[i];
        if (is_lacking(record)) {  // it has no content, so it is in no group
            record.made = conda::render_conda_meta(planned, plan.prefix, *nothing);
        }
        parts.push_back(
            {record.key,
             std::move(record.known),
             [&plan, &planned, &record](LayerBuilder& layer) -> Result<void> {
                 TRY(conda::write_conda_record(planned, plan.prefix, *record.made, layer));
                 record.made->text = std::string();  // it may be long, and is in the layer
                 return {};
             }}
        );
    }
    return parts_.lay(std::move(parts), "conda-meta");
}

Result<KnownLayer> CondaLayers::compile_list(const conda::CompilePlan& compile) const {
    const FillLayer fill = [&](LayerBuilder& layer) {
        tar::TarEntry entry;
        entry.path = compile.list_path.substr(1);
        entry.mode = 0644;
        entry.mtime = conda::k_made_mtime;
        entry.size_bytes = compile.list.size();
        return layer.add(entry, as_bytes(compile.list));
    };
    return found_or_made(key_of("conda-compile-list/1", compile.key()), "conda compile list", fill);
}

Result<KnownLayer> CondaLayers::parents(const std::string& prefix, const tree::FileTree& base)
    const {
    TRY_ASSIGN(const auto parents, conda::missing_parents(prefix, base));
    if (parents.empty()) {
        return KnownLayer{.layer = std::nullopt, .known = true};
    }
    CacheKey key("conda-parents/1");
    for (const std::string& parent : parents) {
        key.add("parent", parent);
    }
    const FillLayer fill = [&](LayerBuilder& layer) {
        return conda::write_parents_layer(parents, layer);
    };
    return found_or_made(key.digest(), "conda prefix " + prefix, fill);
}

Result<KnownLayer> CondaLayers::found_or_made(
    const Digest& key, const std::string& origin, const FillLayer& fill
) const {
    TRY_ASSIGN(auto found, known_.find(key));
    if (found) {
        return std::move(*found);
    }
    TRY_ASSIGN(const auto layer, write_layer(writing_, origin, fill));
    TRY(known_.remember({{key, layer}}));
    return KnownLayer{layer, false};
}

}  // namespace kiln::daemon
