#include "daemon/build/conda_packages.hpp"

#include "daemon/build/cache_key.hpp"
#include "daemon/build/fetch.hpp"
#include "daemon/build/known_packages.hpp"
#include "daemon/conda/lock_request.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/input/input.hpp"
#include "layers/conda/input/lock_record.hpp"
#include "layers/conda/package_reader.hpp"
#include "layers/conda/pip/install.hpp"
#include "layers/conda/repodata_record.hpp"
#include "layers/oci/platform.hpp"
#include "store/base/limits.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

namespace kiln::daemon {
namespace {

using conda::EnvironmentPackage;
using conda::LockEntry;

constexpr std::size_t k_fetches_at_once = 4;

bool has_hash(const LockEntry& entry) {
    return entry.sha256 || entry.md5;
}

/// What the lock tells counts more than what the package says of itself.
Result<void> follow_lock(const LockEntry& entry, EnvironmentPackage& package) {
    if (entry.record.extent == conda::RecordExtent::file_name) {
        return {};
    }
    TRY_ASSIGN(const conda::PackageRecord record, conda::record_of(entry));
    package.channel = record.channel;
    const auto constrains = entry.record.extent == conda::RecordExtent::whole
                                ? conda::KnowsConstrains::yes
                                : conda::KnowsConstrains::no;
    auto followed = conda::follow_record(record, constrains, package.metadata);
    if (!followed) {
        return fail(std::move(followed).error().with_where(entry.span));
    }
    return {};
}

}  // namespace

Error damaged_package(Error error, const std::string& file_name, bool is_checked) {
    if (error.code == Code::corrupt) {
        error.hint =
            is_checked ? fmt::format(
                "{} is the one that was locked, and faulty itself; lock another build", file_name
            )
                       : fmt::format("{} is cut off or damaged; fetch it again", file_name);
    }
    return error;
}

Result<std::optional<conda::Lock>> read_lock_if_resolved(const CondaContext& context) {
    TRY_ASSIGN(const std::string platform, conda_platform(oci::Platform::host()));
    const conda::InputOptions options{
        .platform = platform, .environment = context.environment, .categories = context.categories};
    TRY_ASSIGN(
        conda::CondaInput input,
        conda::read_conda_input(context.lock.text, context.lock.name, options)
    );
    if (std::holds_alternative<conda::Specification>(input)) {
        return std::optional<conda::Lock>();
    }
    conda::Lock lock = std::get<conda::Lock>(std::move(input));
    TRY(conda::pip_files(lock));
    return std::optional(std::move(lock));
}

Result<conda::Lock> read_lock(const CondaContext& context) {
    TRY_ASSIGN(std::optional<conda::Lock> lock, read_lock_if_resolved(context));
    if (!lock) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is a specification, no lock", context.lock.name),
            .hint = "lock it first: kiln conda lock FILE -o LOCK"});
    }
    return std::move(*lock);
}

boost::asio::awaitable<Result<void>> CondaPackages::fetch(const std::vector<LockEntry>& entries) {
    auto look = [this, &entries] { return find_missing(entries); };
    const auto wanted = co_await run_on(services_.pool, std::move(look));
    if (!wanted) {
        co_return fail(wanted.error());
    }
    auto fetch_one = [this, &wanted](std::size_t index) { return fetch_into(*wanted->at(index)); };
    co_return co_await fan_out(services_.loop, wanted->size(), k_fetches_at_once, fetch_one);
}

Result<std::vector<const LockEntry*>> CondaPackages::find_missing(
    const std::vector<LockEntry>& entries
) {
    std::vector<const LockEntry*> missing;
    for (const LockEntry& entry : entries) {
        if (context_.files.contains(entry.as_written)) {
            continue;
        }
        if (entry.sha256) {
            TRY_ASSIGN(const Digest digest, Digest::parse_hex(*entry.sha256));
            lease_.keep(digest);
            TRY_ASSIGN(const auto size, services_.store.blobs().size_of(digest));
            if (size) {
                fetched_.emplace(entry.as_written, digest);
                continue;
            }
        }
        if (entry.kind == conda::LockEntryKind::url) {
            missing.push_back(&entry);
        }
    }
    return missing;
}

boost::asio::awaitable<Result<void>> CondaPackages::fetch_into(const LockEntry& entry) {
    const auto digest = co_await fetch_(entry, lease_);
    if (!digest) {
        co_return fail(digest.error());
    }
    fetched_.emplace(entry.as_written, *digest);
    co_return Result<void>();
}

Result<Digest> CondaPackages::find(const LockEntry& entry) const {
    TRY_ASSIGN(const Digest package, locate(entry));
    TRY(check_hashes(entry, package));
    return package;
}

Result<Digest> CondaPackages::locate(const LockEntry& entry) const {
    if (const auto fetched = fetched_.find(entry.as_written); fetched != fetched_.end()) {
        return fetched->second;
    }
    const auto sent = context_.files.find(entry.as_written);
    if (sent == context_.files.end()) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} was not sent with the build", entry.as_written),
            .where = entry.span});
    }
    return sent->second;
}

Result<std::string> CondaPackages::md5_of(const Digest& package) const {
    CacheKey key("md5/1");
    key.add("blob", package.render());
    lease_.keep(key.digest());
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

Result<void> CondaPackages::check_hashes(
    const LockEntry& entry, const Digest& package, std::optional<std::uint64_t> size_bytes
) const {
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
    if (size_bytes && entry.record.size_bytes && *size_bytes != *entry.record.size_bytes) {
        return mismatch(
            fmt::format("{} bytes long", *size_bytes), fmt::format("{}", *entry.record.size_bytes)
        );
    }
    if (entry.md5) {
        TRY_ASSIGN(const std::string md5, md5_of(package));
        if (md5 != *entry.md5) {
            return mismatch("md5:" + md5, "md5:" + *entry.md5);
        }
    }
    return {};
}

Result<conda::PackageMetadata> CondaPackages::metadata_of(
    const Digest& package, const LockEntry& entry
) {
    CacheKey key("conda-metadata/1");
    key.add("package", package.render());
    lease_.keep(key.digest());
    store::Store& store = services_.store;
    if (const auto known = services_.known_packages.find(package)) {
        store.used(key.digest());
        return *known;
    }
    TRY_ASSIGN(const auto record, store.index().find_cache(key.digest()));
    if (record && !record->blobs.empty()) {
        store.used(key.digest());
        TRY_ASSIGN(
            const Bytes bytes,
            store::read_blob(store.blobs(), record->blobs.front(), conda::k_info_bytes)
        );
        TRY_ASSIGN(conda::PackageMetadata metadata, conda::parse_metadata(bytes));
        auto known = std::make_shared<const conda::PackageMetadata>(metadata);
        services_.known_packages.remember(package, std::move(known));
        return metadata;
    }
    TRY_ASSIGN(const store::BlobReader blob, store.blobs().open(package));
    conda::PackageReader reader(blob.fd(), entry.file_name, stop_);
    TRY_ASSIGN(conda::PackageMetadata metadata, reader.metadata());
    TRY_ASSIGN(
        const Digest kept,
        store::write_blob(store.blobs(), lease_, conda::render_metadata(metadata))
    );
    auto known = std::make_shared<const conda::PackageMetadata>(metadata);
    services_.known_packages.remember(package, std::move(known));
    store::CacheRecord learnt{.key = key.digest(), .blobs = {kept, package}};
    const std::lock_guard lock(learning_);
    learnt_.push_back(std::move(learnt));
    return metadata;
}

bool CondaPackages::has_news() const {
    const std::lock_guard lock(learning_);
    return !learnt_.empty();
}

Result<void> CondaPackages::remember() const {
    store::Batch batch;
    {
        const std::lock_guard lock(learning_);
        batch.cache = learnt_;
    }
    return services_.store.record(batch);
}

Result<std::vector<EnvironmentPackage>> CondaPackages::read(std::span<const LockEntry> entries) {
    std::vector<EnvironmentPackage> packages;
    for (const LockEntry& entry : entries) {
        TRY_ASSIGN(EnvironmentPackage package, read_one(entry));
        packages.push_back(std::move(package));
    }
    return packages;
}

/// A server may have put it right; a package with a sha256 is never another.
Result<void> CondaPackages::forget_if_wrong(const LockEntry& entry, const Error& error) const {
    const bool wrong = error.code == Code::corrupt || error.code == Code::digest_mismatch;
    return wrong && fetched_.contains(entry.as_written) && !entry.sha256
               ? services_.store.record(store::Batch{.cache = {forgotten_package(entry)}})
               : Result<void>();
}

Result<EnvironmentPackage> CondaPackages::read_one(const LockEntry& entry) {
    TRY(check(stop_));
    TRY_ASSIGN(const Digest digest, locate(entry));
    lease_.keep(digest);
    TRY_ASSIGN(const auto size, services_.store.blobs().size_of(digest));
    if (!size) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} is not in the store", entry.file_name),
            .where = entry.span});
    }
    if (auto checked = check_hashes(entry, digest, size); !checked) {
        TRY(forget_if_wrong(entry, checked.error()));
        return fail(std::move(checked).error());
    }
    auto metadata = metadata_of(digest, entry);
    if (!metadata) {
        TRY(forget_if_wrong(entry, metadata.error()));
        Error error =
            damaged_package(std::move(metadata).error(), entry.file_name, has_hash(entry));
        return fail(std::move(error).with_where(entry.span));
    }
    EnvironmentPackage package;
    package.sha256 = digest;
    package.size_bytes = *size;
    package.md5 = entry.md5.value_or("");
    package.is_checked = has_hash(entry);
    package.file_name = entry.file_name;
    package.url = entry.kind == conda::LockEntryKind::url ? entry.location : "";
    package.metadata = std::move(*metadata);
    package.where = entry.span;
    TRY(follow_lock(entry, package));
    return package;
}

}  // namespace kiln::daemon
