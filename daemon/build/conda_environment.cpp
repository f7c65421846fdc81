#include "daemon/build/conda_environment.hpp"

#include "daemon/build/layer_writer.hpp"
#include "daemon/build/source_tree.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_all.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/conda_meta.hpp"
#include "layers/conda/environment_plan.hpp"
#include "layers/conda/grouping.hpp"
#include "layers/conda/input/input.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/package_reader.hpp"
#include "layers/conda/scripts/link_scripts.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"

namespace kiln::daemon {
namespace {

using conda::EnvironmentPackage;
using conda::EnvironmentPlan;
using conda::LockEntry;
using conda::PlannedPackage;

constexpr std::size_t k_fetches_at_once = 4;

struct Made {
    LayerFacts layer;
    bool known = false;
};

/// All steps of one environment; every method runs on the pool.
class EnvironmentBuilder {
  public:
    EnvironmentBuilder(Services& services, const EnvironmentBuild& build)
        : services_(services),
          build_(build),
          writing_{
              services.store, services.pool, build.lease, build.layer, build.job->stop_token()} {}

    /// The packages behind URLs: what the store has is never fetched.
    boost::asio::awaitable<Result<void>> fetch(const std::vector<LockEntry>& entries);
    Result<EnvironmentPackage> read_package(const LockEntry& entry) const;
    Result<std::optional<Made>> package_layer(const PlannedPackage& planned) const;
    Result<Made> bucket_layer(const std::vector<LayerFacts>& members, const std::string& names)
        const;
    Result<Made> meta_layer(
        const EnvironmentPlan& plan, const std::vector<std::optional<Digest>>& layers_of_packages
    ) const;

  private:
    Result<std::vector<const LockEntry*>> find_missing(const std::vector<LockEntry>& entries);
    boost::asio::awaitable<Result<void>> fetch_into(const LockEntry& entry);
    Result<Digest> locate(const LockEntry& entry) const;
    Result<std::string> md5_of(const Digest& package) const;
    Result<void> check_hashes(const LockEntry& entry, const Digest& package) const;
    Result<conda::PackageMetadata> metadata_of(const Digest& package, const LockEntry& entry) const;
    Result<std::optional<Made>> find(const CacheKey& key) const;
    Result<void> remember(const CacheKey& key, const std::optional<LayerFacts>& layer) const;

    Services& services_;
    const EnvironmentBuild& build_;
    LayerWriting writing_;
    std::map<std::string, Digest> fetched_;  // by the entry as it is written in the lock
};

CacheKey key_of(
    std::string operation, const std::vector<std::pair<std::string, std::string>>& ingredients
) {
    CacheKey key(std::move(operation));
    for (const auto& [name, value] : ingredients) {
        key.add(name, value);
    }
    return key;
}

boost::asio::awaitable<Result<void>> EnvironmentBuilder::fetch(const std::vector<LockEntry>& entries
) {
    auto look = [this, &entries] { return find_missing(entries); };
    const auto wanted = co_await run_on(services_.pool, std::move(look));
    if (!wanted) {
        co_return fail(wanted.error());
    }
    auto fetch_one = [this, &wanted](std::size_t index) { return fetch_into(*wanted->at(index)); };
    co_return co_await fan_out(services_.loop, wanted->size(), k_fetches_at_once, fetch_one);
}

Result<std::vector<const LockEntry*>> EnvironmentBuilder::find_missing(
    const std::vector<LockEntry>& entries
) {
    std::vector<const LockEntry*> missing;
    for (const LockEntry& entry : entries) {
        if (entry.kind != conda::LockEntryKind::url) {
            continue;
        }
        if (entry.sha256) {
            TRY_ASSIGN(const Digest digest, Digest::parse_hex(*entry.sha256));
            build_.lease.keep(digest);
            TRY_ASSIGN(const auto size, services_.store.blobs().size_of(digest));
            if (size) {
                fetched_.emplace(entry.as_written, digest);
                continue;
            }
        }
        missing.push_back(&entry);
    }
    return missing;
}

boost::asio::awaitable<Result<void>> EnvironmentBuilder::fetch_into(const LockEntry& entry) {
    const auto digest = co_await build_.fetch(entry, build_.lease);
    if (!digest) {
        co_return fail(digest.error());
    }
    fetched_.emplace(entry.as_written, *digest);
    co_return Result<void>();
}

Result<Digest> EnvironmentBuilder::locate(const LockEntry& entry) const {
    if (const auto fetched = fetched_.find(entry.as_written); fetched != fetched_.end()) {
        return fetched->second;
    }
    const auto sent = build_.context.files.find(entry.as_written);
    if (sent == build_.context.files.end()) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} was not sent with the build", entry.as_written),
            .where = entry.span});
    }
    return sent->second;
}

Result<std::string> EnvironmentBuilder::md5_of(const Digest& package) const {
    CacheKey key("md5/1");
    key.add("blob", package.render());
    build_.lease.keep(key.digest());
    TRY_ASSIGN(const auto record, services_.store.index().find_cache(key.digest()));
    if (record) {
        services_.store.used(key.digest());
        return record->payload;
    }
    TRY_ASSIGN(const store::BlobReader blob, services_.store.blobs().open(package));
    FdSource source = blob.source();
    Md5Hasher hasher;
    Bytes buffer(limits::k_mib);
    while (true) {
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            break;
        }
        hasher.update(ByteSpan(buffer).first(count));
    }
    const std::string md5 = hasher.finish_hex();
    TRY(services_.store.record(store::Batch{
        .cache = {store::CacheRecord{.key = key.digest(), .payload = md5, .blobs = {package}}}}));
    return md5;
}

Result<void> EnvironmentBuilder::check_hashes(const LockEntry& entry, const Digest& package) const {
    const auto mismatch = [&](std::string_view is, std::string_view wanted) {
        return fail(Error{
            .code = Code::digest_mismatch,
            .message = fmt::format("{} is {}, the lock file says {}", entry.file_name, is, wanted),
            .where = entry.span,
            .hint =
                "the package is not the one that was locked; lock again, or fetch the right one"});
    };
    if (entry.sha256 && package.hex() != *entry.sha256) {
        return mismatch(package.render(), "sha256:" + *entry.sha256);
    }
    if (entry.md5) {
        TRY_ASSIGN(const std::string md5, md5_of(package));
        if (md5 != *entry.md5) {
            return mismatch("md5:" + md5, "md5:" + *entry.md5);
        }
    }
    return {};
}

Result<conda::PackageMetadata> EnvironmentBuilder::metadata_of(
    const Digest& package, const LockEntry& entry
) const {
    CacheKey key("conda-metadata/1");
    key.add("package", package.render());
    build_.lease.keep(key.digest());
    store::Store& store = services_.store;
    TRY_ASSIGN(const auto record, store.index().find_cache(key.digest()));
    if (record && !record->blobs.empty()) {
        store.used(key.digest());
        TRY_ASSIGN(
            const Bytes bytes,
            store::read_blob(store.blobs(), record->blobs.front(), conda::k_info_bytes)
        );
        return conda::parse_metadata(bytes);
    }
    TRY_ASSIGN(const store::BlobReader blob, store.blobs().open(package));
    conda::PackageReader reader(blob.fd(), entry.file_name, build_.job->stop_token());
    TRY_ASSIGN(conda::PackageMetadata metadata, reader.metadata());
    TRY_ASSIGN(
        const Digest kept,
        store::write_blob(store.blobs(), build_.lease, conda::render_metadata(metadata))
    );
    TRY(store.record(store::Batch{
        .cache = {store::CacheRecord{.key = key.digest(), .blobs = {kept, package}}}}));
    return metadata;
}

Result<EnvironmentPackage> EnvironmentBuilder::read_package(const LockEntry& entry) const {
    TRY_ASSIGN(const Digest digest, locate(entry));
    build_.lease.keep(digest);
    TRY_ASSIGN(const auto size, services_.store.blobs().size_of(digest));
    if (!size) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} is not in the store", entry.file_name),
            .where = entry.span});
    }
    TRY(check_hashes(entry, digest));
    auto metadata = metadata_of(digest, entry);
    if (!metadata) {
        return fail(std::move(metadata).error().with_where(entry.span));
    }
    EnvironmentPackage package;
    package.sha256 = digest;
    package.size_bytes = *size;
    package.md5 = entry.md5.value_or("");
    package.file_name = entry.file_name;
    package.url = entry.kind == conda::LockEntryKind::url ? entry.location : "";
    package.metadata = std::move(*metadata);
    return package;
}

Result<std::optional<Made>> EnvironmentBuilder::find(const CacheKey& key) const {
    build_.lease.keep(key.digest());
    TRY_ASSIGN(const auto record, services_.store.index().find_cache(key.digest()));
    if (!record || !record->diff_id || build_.no_cache) {
        return std::optional<Made>();
    }
    TRY_ASSIGN(auto layer, services_.store.index().find_layer(*record->diff_id));
    if (!layer) {
        return std::optional<Made>();
    }
    services_.store.used(key.digest());
    return std::optional(Made{std::move(*layer), true});
}

Result<void> EnvironmentBuilder::remember(
    const CacheKey& key, const std::optional<LayerFacts>& layer
) const {
    store::Batch batch;
    store::CacheRecord record{.key = key.digest()};
    if (layer) {
        record.diff_id = layer->diff_id;
        batch.layers.push_back(*layer);
    }
    batch.cache.push_back(std::move(record));
    return services_.store.record(batch);
}

Result<std::optional<Made>> EnvironmentBuilder::package_layer(const PlannedPackage& planned) const {
    const CacheKey key = key_of("conda-package/1", planned.layer.layer_key());
    TRY_ASSIGN(auto found, find(key));
    if (found) {
        return found;
    }
    TRY_ASSIGN(const store::BlobReader blob, services_.store.blobs().open(planned.package.sha256));
    TRY_ASSIGN(const Fd scratch, services_.store.open_scratch());
    const conda::PackageLayerSource source{blob.fd(), scratch.get()};
    const FillLayer fill = [&](LayerBuilder& layer) {
        return conda::write_package_layer(source, planned, layer, writing_.stop);
    };
    TRY_ASSIGN(auto layer, write_layer(writing_, planned.package.metadata.dist(), fill));
    TRY(remember(key, layer));
    return layer ? std::optional(Made{std::move(*layer), false}) : std::nullopt;
}

Result<Made> EnvironmentBuilder::bucket_layer(
    const std::vector<LayerFacts>& members, const std::string& names
) const {
    CacheKey key("conda-bucket/1");
    for (const LayerFacts& member : members) {
        key.add("layer", member.diff_id.render());
    }
    key.add("compression", std::string(compression_name(build_.layer.compression)));
    TRY_ASSIGN(auto found, find(key));
    if (found) {
        return std::move(*found);
    }
    std::vector<store::BlobReader> blobs;
    std::vector<conda::BucketMember> parts;
    for (const LayerFacts& member : members) {
        TRY_ASSIGN(const Dress dress, dress_layer(writing_, member.diff_id));
        TRY_ASSIGN(store::BlobReader blob, services_.store.blobs().open(dress.digest));
        TRY_ASSIGN(auto table, open_table(services_.store, member.diff_id));
        parts.push_back(
            {blob.fd(), Layer{member.diff_id, member.tar_bytes, dress}, std::move(table)}
        );
        blobs.push_back(std::move(blob));
    }
    TRY_ASSIGN(const auto blob, services_.store.blobs().begin(build_.lease));
    TRY_ASSIGN(const BuiltLayer built, conda::concatenate(parts, *blob, writing_.stop));
    TRY(blob->commit(built.layer.dress.digest));
    TRY(services_.store.tables().put(built.layer.diff_id, built.table, build_.lease));
    const LayerFacts layer = facts_of(built, names);
    TRY(remember(key, layer));
    return Made{layer, false};
}

Result<Made> EnvironmentBuilder::meta_layer(
    const EnvironmentPlan& plan, const std::vector<std::optional<Digest>>& layers_of_packages
) const {
    CacheKey key = key_of("conda-meta/1", plan.meta_key());
    for (const auto& layer : layers_of_packages) {
        key.add("layer", layer ? layer->render() : "");
    }
    TRY_ASSIGN(auto found, find(key));
    if (found) {
        return std::move(*found);
    }
    std::vector<std::shared_ptr<const TableOfContents>> tables;
    for (const auto& layer : layers_of_packages) {
        if (layer) {
            TRY_ASSIGN(auto table, open_table(services_.store, *layer));
            tables.push_back(std::move(table));
        } else {
            TRY_ASSIGN(auto table, TableOfContents::open(TableOfContents::render({})));
            tables.push_back(std::move(table));
        }
    }
    const FillLayer fill = [&](LayerBuilder& layer) {
        return conda::write_conda_meta_layer(plan, tables, layer);
    };
    TRY_ASSIGN(auto layer, write_layer(writing_, "conda-meta", fill));
    ASSERT(layer.has_value());
    TRY(remember(key, layer));
    return Made{std::move(*layer), false};
}

struct NamedLayer {
    Made made;
    std::string names;
};

/// The package layers in the order of the image, shared ones as buckets.
Result<std::vector<NamedLayer>> group_layers(
    const EnvironmentBuilder& builder,
    const EnvironmentPlan& plan,
    const std::vector<std::optional<Made>>& made,
    std::size_t max_layers
) {
    std::vector<conda::GroupingItem> items;
    std::vector<std::size_t> packages;  // of each item
    for (std::size_t i = 0; i < made.size(); ++i) {
        if (made[i]) {
            items.push_back({plan.packages[i].package.metadata.name, made[i]->layer.tar_bytes});
            packages.push_back(i);
        }
    }
    std::vector<NamedLayer> layers;
    for (const std::vector<std::size_t>& group : conda::group_packages(items, max_layers)) {
        std::string names;
        std::vector<LayerFacts> members;
        for (const std::size_t item : group) {
            const std::size_t package = packages[item];
            names += (names.empty() ? "" : ", ") + plan.packages[package].package.metadata.dist();
            members.push_back(made[package]->layer);
        }
        if (members.size() == 1) {
            layers.push_back({*made[packages[group.front()]], std::move(names)});
        } else {
            TRY_ASSIGN(Made bucket, builder.bucket_layer(members, names));
            layers.push_back({std::move(bucket), std::move(names)});
        }
    }
    return layers;
}

void add_layer(Environment& environment, const NamedLayer& layer, UnixSeconds epoch) {
    environment.chain.layers.push_back(ChainLayer{layer.made.layer.diff_id});
    environment.chain.history.push_back(oci::HistoryEntry{
        .created = render_time(epoch), .created_by = "conda " + layer.names, .comment = "kiln"});
    environment.made += layer.made.known ? 0 : 1;
}

template<class T>
Result<std::vector<T>> all_of(std::vector<Result<T>> results) {
    std::vector<T> values;
    std::optional<Error> first;
    for (Result<T>& result : results) {
        if (result) {
            values.push_back(std::move(*result));
        } else if (!first || first->code == Code::cancelled) {
            first = std::move(result).error();
        }
    }
    if (first) {
        return fail(std::move(*first));
    }
    return values;
}

}  // namespace

Result<conda::Lock> read_lock(const CondaContext& context) {
    const std::string architecture = oci::Platform::host().architecture;
    const std::string platform = architecture == "amd64"   ? "linux-64"
                                 : architecture == "arm64" ? "linux-aarch64"
                                                           : "linux-" + architecture;
    const conda::InputOptions options{
        .platform = platform, .environment = context.environment, .categories = context.categories};
    TRY_ASSIGN(
        conda::Lock lock, conda::read_conda_lock(context.lock.text, context.lock.name, options)
    );
    if (!lock.pip.empty()) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "the lock has {} packages of pip ({} is the first), and only those of conda can be "
                "installed yet",
                lock.pip.size(),
                lock.pip.front().name
            ),
            .where = lock.pip.front().span});
    }
    return lock;
}

boost::asio::awaitable<Result<Environment>> build_environment(
    Services& services, EnvironmentBuild build
) {
    const auto builder = std::make_shared<EnvironmentBuilder>(services, build);
    const auto lock = read_lock(build.context);
    if (!lock) {
        co_return fail(lock.error());
    }
    const auto fetched = co_await builder->fetch(lock->entries);
    if (!fetched) {
        co_return fail(fetched.error());
    }
    std::vector<std::function<Result<EnvironmentPackage>()>> reads;
    for (const LockEntry& entry : lock->entries) {
        reads.emplace_back([builder, &entry] { return builder->read_package(entry); });
    }
    auto read = co_await run_all(services.loop, services.waiters, std::move(reads));
    auto packages = all_of(std::move(read));
    if (!packages) {
        co_return fail(packages.error());
    }
    conda::EnvironmentOptions options;
    options.prefix = build.context.prefix;
    options.platform = lock->platform;
    const auto plan = conda::plan_environment(std::move(*packages), options);
    if (!plan) {
        co_return fail(plan.error());
    }
    for (const std::vector<std::string>& warnings :
         {plan->warnings,
          conda::missing_dependencies(*plan),
          conda::plan_link_scripts(*plan, {}, "").warnings}) {
        for (const std::string& warning : warnings) {
            build.job->emit(WarningEvent{.message = warning});
        }
    }
    std::vector<std::function<Result<std::optional<Made>>()>> writes;
    for (const PlannedPackage& planned : plan->packages) {
        writes.emplace_back([builder, &planned] { return builder->package_layer(planned); });
    }
    auto written = co_await run_all(services.loop, services.pool, std::move(writes));
    const auto made = all_of(std::move(written));
    if (!made) {
        co_return fail(made.error());
    }
    Environment environment;
    environment.packages = plan->packages.size();
    auto finish = [&]() -> Result<void> {
        TRY_ASSIGN(const auto layers, group_layers(*builder, *plan, *made, build.max_layers - 1));
        for (const NamedLayer& layer : layers) {
            add_layer(environment, layer, build.epoch);
        }
        std::vector<std::optional<Digest>> of_packages;
        for (const auto& each : *made) {
            of_packages.push_back(each ? std::optional(each->layer.diff_id) : std::nullopt);
        }
        TRY_ASSIGN(Made meta, builder->meta_layer(*plan, of_packages));
        add_layer(environment, NamedLayer{std::move(meta), "conda-meta"}, build.epoch);
        return {};
    };
    const auto finished = co_await run_on(services.pool, std::move(finish));
    if (!finished) {
        co_return fail(finished.error());
    }
    co_return environment;
}

}  // namespace kiln::daemon
