#include "daemon/conda/lock_run.hpp"

#include "daemon/build/context_table.hpp"
#include "daemon/conda/channel_records.hpp"
#include "daemon/conda/repodata_store.hpp"
#include "daemon/conda/target.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/input/lock_record.hpp"
#include "layers/conda/input/lock_writer.hpp"
#include "layers/conda/pip/requirement_line.hpp"
#include "layers/oci/platform.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;
using conda::PackageRecord;

/// "__glibc=2.36=0"
std::string text_of(const PackageRecord& virtual_package) {
    return fmt::format(
        "{}={}={}", virtual_package.name, virtual_package.version.text(), virtual_package.build
    );
}

/// Names that the solve starts from.
std::vector<std::string> names_of(const std::vector<conda::RequestedSpec>& specs) {
    std::vector<std::string> names;
    for (const conda::RequestedSpec& each : specs) {
        if (each.spec.name().is_exact()) {
            names.push_back(each.spec.name().text());
        }
    }
    return names;
}

Result<conda::Lock> lock_of(
    const LockPlan& plan,
    const conda::Request& asked,
    const std::vector<PackageRecord>& records,
    const std::vector<std::string>& used_channels
) {
    conda::Lock lock;
    lock.platform = plan.platform;
    for (const PackageRecord& record : records) {
        TRY_ASSIGN(lock.entries.emplace_back(), conda::locked(record));
    }
    for (const conda::Channel& channel : plan.channels) {
        lock.inputs.channels.push_back(channel.base_url());
    }
    const std::vector<std::string>& named = lock.inputs.channels;
    const bool all_named =
        std::all_of(used_channels.begin(), used_channels.end(), [&](const std::string& url) {
            return std::find(named.begin(), named.end(), url) != named.end();
        });
    lock.inputs.channel_order = all_named ? std::vector<std::string>() : used_channels;
    lock.inputs.channel_priority = name_of(asked.priority);
    for (const PackageRecord& each : asked.virtual_packages) {
        lock.inputs.virtual_packages.push_back(text_of(each));
    }
    for (const conda::RequestedSpec& each : plan.specs) {
        lock.inputs.specifications.push_back(each.as_written);
    }
    for (const conda::RequestedSpec& each : plan.pins) {
        lock.inputs.pins.push_back(each.as_written);
    }
    for (const conda::Written& line : plan.pip) {
        lock.inputs.pip.push_back(conda::public_requirement(line.text));
    }
    const auto& specification = std::get<conda::Specification>(plan.input);
    lock.inputs.variables = {specification.variables.begin(), specification.variables.end()};
    lock.inputs.category = specification.category;
    return lock;
}

conda::Request solve_request(
    const LockRequest& request,
    const LockPlan& plan,
    const conda::TargetFacts& target,
    conda::ChannelPriority priority
) {
    conda::Request asked;
    asked.specs = plan.specs;
    asked.pins = plan.pins;
    asked.virtual_packages = conda::virtual_packages(target, request.virtual_packages);
    asked.priority = priority;
    asked.target = request.base.value_or("the target");
    return asked;
}

/// A directory that could hold more would be sent for minutes; its repodata.json is one file.
constexpr std::size_t k_directory_shards = 50'000;

/// The index of a directory's shards, or the shards that the store lacks: all of them, for what a
/// solve reaches is known only once it has the records of all channels.
Result<void> add_shards(
    LockNeeds& needs, store::Store& store, const Digest& index, const std::string& subdir_url
) {
    TRY_ASSIGN(const auto size, store.blobs().size_of(index));
    if (!size) {
        needs.lacking.push_back(index);
        return {};
    }
    const std::string index_url = fmt::format("{}/{}", subdir_url, k_shards_name);
    TRY_ASSIGN(
        const Bytes bytes, store::read_blob(store.blobs(), index, conda::k_shard_index_bytes)
    );
    TRY_ASSIGN(const conda::ShardIndex shards, conda::ShardIndex::read(bytes, index_url));
    if (shards.shards().size() > k_directory_shards) {
        return fail(Error{
            .code = Code::too_large,
            .message = fmt::format(
                "{} names {} shards; at most {} are read of a directory",
                index_url,
                shards.shards().size(),
                k_directory_shards
            ),
            .hint = "put a repodata.json.zst beside it, or serve the channel over http"});
    }
    for (const auto& [name, shard] : shards.shards()) {
        store.leases().keep_for(shard, ContextTable::k_kept_seconds);
        const std::string url = shards.shard_url(shard, index_url);
        TRY_ASSIGN(const auto there, store.blobs().size_of(shard));
        if (!there && url.starts_with("file://")) {
            needs.lacking.push_back(shard);
            needs.shards.push_back(url);
        }
    }
    return {};
}

awaitable<Result<std::shared_ptr<conda::ChannelSource>>> load(
    Services& services,
    std::shared_ptr<Job> job,
    const LockRequest& request,
    const LockPlan& plan,
    const store::Lease& lease
) {
    Downloader downloader(services, job);
    for (const conda::Channel& channel : plan.channels) {
        if (!channel.secret().is_empty()) {
            downloader.add_secret(channel.base_url(), channel.secret());
        }
    }
    ChannelRecordsOrder order;
    for (const conda::Channel& channel : plan.channels) {
        const auto place = plan.channel_places.find(channel.base_url());
        const Span where = place == plan.channel_places.end() ? Span{} : place->second;
        order.channels.push_back({.channel = channel, .where = where});
    }
    order.platform = plan.platform;
    order.names = names_of(plan.specs);
    order.files = request.files;
    co_return co_await load_channel_records(
        services, std::move(job), downloader, lease, std::move(order)
    );
}

}  // namespace

Result<std::string> render_lock(const conda::Lock& lock, LockFormat format) {
    switch (format) {
        case LockFormat::explicit_list:
            return conda::render_explicit_lock(lock);
        case LockFormat::conda_lock:
            return conda::render_conda_lock(lock);
        case LockFormat::kiln:
            break;
    }
    return conda::render_kiln_lock(lock);
}

Result<conda::TargetFacts> settle_target(
    store::Store& store, const store::Lease& lease, const LockRequest& request
) {
    if (!request.base) {
        if (!request.platform.empty()) {
            return default_target(request.platform);
        }
        TRY_ASSIGN(std::string platform, conda_platform(oci::Platform::host()));
        return default_target(std::move(platform));
    }
    TRY_ASSIGN(conda::TargetFacts target, read_target(store, lease, *request.base));
    if (!request.platform.empty() && request.platform != target.platform) {
        return fail(
            Code::invalid_input,
            "{} is an image for {}; the lock is wanted for {}",
            *request.base,
            target.platform,
            request.platform
        );
    }
    return target;
}

Result<LockNeeds> find_needs(
    store::Store& store, const store::Lease& lease, const LockRequest& request, const LockPlan& plan
) {
    LockNeeds needs;
    for (const conda::Channel& channel : plan.channels) {
        if (channel.scheme() != "file") {
            continue;
        }
        for (const std::string& subdir : subdirs_of(channel, plan.platform)) {
            const std::string url = channel.subdir_url(subdir);
            const auto told = request.files.find(url);
            if (told == request.files.end()) {
                needs.subdirs.push_back(url);
                continue;
            }
            if (!told->second) {
                continue;
            }
            const Digest digest = told->second->digest;
            store.leases().keep_for(digest, ContextTable::k_kept_seconds);
            if (told->second->name == k_shards_name) {
                TRY(add_shards(needs, store, digest, url));
                continue;
            }
            TRY_ASSIGN(const bool there, has_repodata(store, lease, digest));
            if (!there) {
                needs.lacking.push_back(digest);
            }
        }
    }
    return needs;
}

awaitable<Result<std::string>> make_lock(
    Services& services,
    std::shared_ptr<Job> job,
    std::shared_ptr<const LockRequest> request,
    std::shared_ptr<const LockPlan> plan,
    conda::TargetFacts target
) {
    if (const auto* lock = std::get_if<conda::Lock>(&plan->input)) {
        co_return render_lock(*lock, request->format);
    }
    for (const conda::Notice& notice : std::get<conda::Specification>(plan->input).notices) {
        job->emit(WarningEvent{notice.message, notice.where, notice.hint});
    }
    for (const conda::Notice& notice : plan->notices) {
        job->emit(WarningEvent{notice.message, notice.where, notice.hint});
    }
    const conda::Specification& asked_for = std::get<conda::Specification>(plan->input);
    if (!asked_for.variables.empty() && request->format != LockFormat::kiln) {
        job->emit(WarningEvent{
            .message = fmt::format(
                "the variables of {} have no place in a lock of this format", request->input.name
            ),
            .hint = "--format json keeps them"});
    }
    const store::Lease lease = services.store.lease();
    auto source = co_await load(services, job, *request, *plan, lease);
    if (!source) {
        co_return fail(std::move(source).error());
    }
    const conda::ChannelPriority priority = request->priority.value_or(services.conda.priority);
    const conda::Request asked = solve_request(*request, *plan, target, priority);
    auto resolve = [&]() -> Result<std::string> {
        TRY_ASSIGN(
            const conda::Solution solution, conda::solve(asked, **source, job->stop_token())
        );
        TRY_ASSIGN(
            const conda::Lock lock, lock_of(*plan, asked, solution.records, (*source)->channels())
        );
        // What is not whole yet is read again by lock_pip().
        return render_lock(lock, plan->pip.empty() ? request->format : LockFormat::kiln);
    };
    auto text = co_await run_on(services.pool, std::move(resolve));
    for (const std::string& notice : (*source)->notices()) {
        job->emit(WarningEvent{.message = notice});
    }
    co_return text;
}

}  // namespace kiln::daemon
