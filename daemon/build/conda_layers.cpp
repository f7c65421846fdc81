#include "daemon/build/conda_layers.hpp"

#include "daemon/build/conda_packages.hpp"
#include "daemon/build/source_tree.hpp"
#include "layers/conda/conda_meta.hpp"
#include "layers/conda/grouping.hpp"
#include "layers/conda/memory_budget.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/prefix_parents.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/stop.hpp"

namespace kiln::daemon {

using conda::EnvironmentPlan;
using conda::PlannedPackage;

namespace {

constexpr const char* k_point = "conda-bucket-point/1";

CacheKey members_key(const char* operation, std::span<const LayerFacts> members) {
    CacheKey key(operation);
    for (const LayerFacts& member : members) {
        key.add("layer", member.diff_id.render());
    }
    return key;
}

}  // namespace

Result<PackageLayers> CondaLayers::find(const EnvironmentPlan& plan, const PlannedPackage& planned)
    const {
    PackageLayers layers;
    layers.payload_key = key_of("conda-package/1", planned.layer.layer_key());
    layers.record_key = key_of("conda-record/1", plan.record_key(planned));
    TRY_ASSIGN(auto payload, known_.find(layers.payload_key));
    TRY_ASSIGN(auto record, known_.find(layers.record_key));
    if (payload) {
        layers.payload = std::move(*payload);
    }
    if (record) {
        layers.record = std::move(*record);
    }
    return layers;
}

Result<void> CondaLayers::make_missing(
    const EnvironmentPlan& plan, const PlannedPackage& planned, PackageLayers& layers
) const {
    TRY(check(writing_.stop));
    if (!layers.payload.known) {
        auto payload = write_payload(planned);
        if (!payload) {
            Error error = damaged_package(
                std::move(payload).error(), planned.package.file_name, planned.package.is_checked
            );
            error.where = error.where ? error.where : planned.package.where;
            return fail(std::move(error));
        }
        layers.payload.layer = std::move(*payload);
    }
    if (!layers.record.known) {
        TRY(write_record(plan, planned, layers));
    }
    return {};
}

Result<void> CondaLayers::remember(const PackageLayers& layers) const {
    std::vector<KnownLayers::Made> made;
    if (!layers.payload.known) {
        made.push_back({layers.payload_key, layers.payload.layer});
    }
    if (!layers.record.known) {
        made.push_back({layers.record_key, layers.record.layer});
    }
    return made.empty() ? Result<void>() : known_.remember(made);
}

Result<std::optional<LayerFacts>> CondaLayers::write_payload(const PlannedPackage& planned) const {
    if (!conda::has_payload(planned)) {
        return std::optional<LayerFacts>();
    }
    TRY_ASSIGN(const store::BlobReader blob, services_.store.blobs().open(planned.package.sha256));
    TRY_ASSIGN(const Fd scratch, services_.store.open_scratch());
    const conda::PackageLayerSource source{blob.fd(), scratch.get()};
    TRY_ASSIGN(const std::uint64_t needed, conda::memory_needed(source, planned));
    const auto share = services_.package_memory.acquire(needed);
    TRY(check(writing_.stop));
    const FillLayer fill = [&](LayerBuilder& layer) {
        return conda::write_package_layer(source, planned, layer, writing_.stop);
    };
    return write_layer(writing_, planned.package.metadata.dist(), fill);
}

Result<void> CondaLayers::write_record(
    const EnvironmentPlan& plan, const PlannedPackage& planned, PackageLayers& layers
) const {
    std::shared_ptr<const TableOfContents> table;
    if (layers.payload.layer) {
        TRY_ASSIGN(table, open_table(services_.store, layers.payload.layer->diff_id));
    } else {
        TRY_ASSIGN(table, TableOfContents::open(TableOfContents::render({})));
    }
    const conda::CondaRecord record = conda::render_conda_meta(planned, plan.prefix, *table);
    if (const auto& unlike = record.unlike_manifest; !unlike.empty()) {
        layers.warnings.push_back(fmt::format(
            "{}: {} of its files {} not what its own paths.json says (sha256): {}{}",
            planned.package.file_name,
            unlike.size(),
            unlike.size() == 1 ? "is" : "are",
            unlike.front(),
            unlike.size() == 1 ? "" : ", …"
        ));
    }
    const FillLayer fill = [&](LayerBuilder& layer) {
        return conda::write_conda_record(planned, plan.prefix, record, layer);
    };
    const std::string origin = "record of " + planned.package.metadata.dist();
    TRY_ASSIGN(layers.record.layer, write_layer(writing_, origin, fill));
    return {};
}

Result<JoinedLayer> CondaLayers::joined(
    const std::vector<LayerFacts>& members, const std::string& origin
) const {
    ASSERT(!members.empty());
    if (members.size() == 1) {
        JoinedLayer alone;
        alone.layer.layer.emplace(members.front());
        alone.layer.known = true;
        return alone;
    }
    CacheKey key = members_key("conda-bucket/1", members);
    key.add("compression", std::string(compression_name(writing_.options.compression)));
    TRY_ASSIGN(auto found, known_.find(key.digest()));
    if (found) {
        JoinedLayer known;
        known.layer = std::move(*found);
        return known;
    }
    std::vector<store::BlobReader> blobs;
    std::vector<conda::BucketMember> parts;
    for (const LayerFacts& member : members) {
        TRY_ASSIGN(const Dress dress, dress_of(member));
        TRY_ASSIGN(store::BlobReader blob, services_.store.blobs().open(dress.digest));
        TRY_ASSIGN(auto table, open_table(services_.store, member.diff_id));
        parts.push_back(
            {blob.fd(), Layer{member.diff_id, member.tar_bytes, dress}, std::move(table)}
        );
        blobs.push_back(std::move(blob));
    }
    TRY_ASSIGN(
        const auto blob, services_.store.blobs().begin(writing_.lease, store::HashedBy::caller)
    );
    TRY_ASSIGN(const auto from, find_point(members));
    TRY_ASSIGN(const conda::Bucket bucket, conda::concatenate(parts, from, *blob, writing_.stop));
    const BuiltLayer& built = bucket.built;
    TRY(blob->commit(built.layer.dress.digest));
    TRY(services_.store.tables().put(built.layer.diff_id, built.table, writing_.lease));
    JoinedLayer made;
    made.key = key.digest();
    made.layer.layer.emplace(facts_of(built, origin));
    for (const conda::BucketPoint& point : bucket.points) {
        const std::span<const LayerFacts> first(members.data(), point.members);
        made.points.push_back(
            {.key = members_key(k_point, first).digest(), .payload = render_hex(point.tar.value)}
        );
    }
    return made;
}

/// The furthest that is known of a bucket with these members.
Result<std::optional<conda::BucketPoint>> CondaLayers::find_point(
    std::span<const LayerFacts> members
) const {
    std::vector<std::uint64_t> sizes;
    for (const LayerFacts& member : members) {
        sizes.push_back(member.tar_bytes);
    }
    const std::vector<std::size_t> places = conda::point_places(sizes);
    for (auto place = places.rbegin(); place != places.rend(); ++place) {
        const std::span<const LayerFacts> first = members.first(*place);
        const Digest key = members_key(k_point, first).digest();
        TRY_ASSIGN(const auto text, known_.find_text(key));
        const auto value = text ? Digest::parse_hex(*text) : fail(Code::not_found, "no point");
        if (!value) {
            continue;
        }
        conda::BucketPoint point{.members = *place, .tar = {.value = value->raw()}};
        for (const LayerFacts& member : first) {
            point.tar.size_bytes += member.tar_bytes - tar::k_trailer_bytes;
        }
        return std::optional(point);
    }
    return std::optional<conda::BucketPoint>();
}

Result<void> CondaLayers::remember(const std::vector<JoinedLayer>& layers) const {
    std::vector<KnownLayers::Made> made;
    std::vector<store::CacheRecord> points;
    for (const JoinedLayer& each : layers) {
        if (!each.layer.known) {
            made.push_back({each.key, each.layer.layer});
            points.insert(points.end(), each.points.begin(), each.points.end());
        }
    }
    return made.empty() ? Result<void>() : known_.remember(made, std::move(points));
}

/// One that it has spares asking for each of hundreds of records again.
Result<Dress> CondaLayers::dress_of(const LayerFacts& layer) const {
    for (const Dress& dress : layer.dresses) {
        if (dress.compression == writing_.options.compression) {
            return dress;
        }
    }
    return dress_layer(writing_, layer.diff_id);
}

Result<KnownLayer> CondaLayers::meta_head(const EnvironmentPlan& plan) const {
    const FillLayer fill = [&](LayerBuilder& layer) {
        return conda::write_conda_meta_head(plan, layer);
    };
    return found_or_made(key_of("conda-meta-head/1", plan.head_key()), "conda-meta", fill);
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
