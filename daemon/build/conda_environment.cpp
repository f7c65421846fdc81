#include "daemon/build/conda_environment.hpp"

#include "daemon/build/conda_layers.hpp"
#include "daemon/build/run_files.hpp"
#include "daemon/build/stage_planner.hpp"
#include "daemon/conda/lock_request.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_all.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/block_buffers.hpp"
#include "layers/conda/environment_plan.hpp"
#include "layers/conda/grouping.hpp"
#include "layers/conda/input/lock_order.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/pip/programs.hpp"
#include "layers/oci/platform.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace kiln::daemon {
namespace {

using conda::EnvironmentPackage;
using conda::EnvironmentPlan;
using conda::LockEntry;
using conda::PlannedPackage;

/// Layers that are made and wait for the disk, while the pool makes others.
constexpr std::size_t k_syncs_at_once = 4;

/// Packages that one task of the pool reads: handing over costs more than reading one.
constexpr std::size_t k_reads_in_one = 8;

/// The packages that hold anything, at most `room` groups of them, by their first name: what
/// depends on what, and how a lock is ordered, moves no layer.
std::vector<PackageGroup> group_packages(const EnvironmentPlan& plan, std::size_t room) {
    std::vector<conda::GroupingItem> items;
    std::vector<std::size_t> packages;  // of each item
    for (std::size_t i = 0; i < plan.packages.size(); ++i) {
        if (conda::has_payload(plan.packages[i])) {
            const EnvironmentPackage& package = plan.packages[i].package;
            items.push_back({package.metadata.name, package.size_bytes});
            packages.push_back(i);
        }
    }
    std::vector<PackageGroup> groups;
    for (const std::vector<std::size_t>& indexes : conda::group_packages(items, room)) {
        PackageGroup group;
        for (const std::size_t index : indexes) {
            const std::size_t package = packages[index];
            const std::string dist = plan.packages[package].package.metadata.dist();
            group.names += (group.names.empty() ? "" : ", ") + dist;
            group.packages.push_back(package);
        }
        groups.push_back(std::move(group));
    }
    std::sort(groups.begin(), groups.end(), [](const PackageGroup& a, const PackageGroup& b) {
        return a.names < b.names;
    });
    return groups;
}

void add_layer(
    Environment& environment, const LaidLayer& laid, const std::string& names, UnixSeconds epoch
) {
    environment.chain.layers.push_back(ChainLayer{laid.layer.layer->diff_id});
    environment.chain.history.push_back(oci::HistoryEntry{
        .created = render_time(epoch), .created_by = "conda " + names, .comment = "kiln"});
}

/// Everything but the layers: packages at hand, read and planned.
struct Contents {
    EnvironmentPlan plan;
    std::optional<conda::PipRun> pip;
    std::vector<Digest> pip_files;  // in the order of conda::pip_files()
    std::string pip_names;
};

std::string names_of(const std::vector<conda::PipEntry>& entries) {
    std::vector<std::string> names;
    for (const conda::PipEntry& entry : entries) {
        names.push_back(entry.version.empty() ? entry.name : entry.name + "-" + entry.version);
    }
    std::sort(names.begin(), names.end());
    return fmt::format("{}", fmt::join(names, ", "));
}

/// What pip is to install, each file of it held against the lock.
Result<void> plan_pip(const conda::Lock& lock, const CondaPackages& packages, Contents& contents) {
    TRY_ASSIGN(contents.pip, conda::plan_pip_install(lock, contents.plan.prefix));
    TRY_ASSIGN(const std::vector<LockEntry> files, conda::pip_files(lock));
    for (const LockEntry& file : files) {
        TRY_ASSIGN(contents.pip_files.emplace_back(), packages.find(file));
    }
    contents.pip_names = names_of(lock.pip);
    return {};
}

Result<void> check_platform(
    const LockEntry& entry, std::string_view subdir, const std::string& wanted
) {
    if (subdir.empty() || subdir == "noarch" || subdir == wanted) {
        return {};
    }
    return fail(Error{
        .code = Code::invalid_input,
        .message = fmt::format("{} is for {}, the image for {}", entry.file_name, subdir, wanted),
        .where = entry.span,
        .hint = fmt::format("kiln conda lock --platform {} locks for the image", wanted)});
}

/// Before anything is fetched: by what the lock says, or the directory of a channel.
Result<void> check_platforms(const conda::Lock& lock) {
    TRY_ASSIGN(const std::string wanted, conda_platform(oci::Platform::host()));
    for (const LockEntry& entry : lock.entries) {
        const bool is_url = entry.kind == conda::LockEntryKind::url;
        TRY(check_platform(entry, is_url ? conda::subdir_of(entry) : entry.record.subdir, wanted));
    }
    return {};
}

/// A lock may say nothing of its platform, and a URL lie: each package tells what it is for.
/// `packages` are those of the lock's entries, in their order.
Result<void> check_platforms(
    const conda::Lock& lock, const std::vector<EnvironmentPackage>& packages
) {
    TRY_ASSIGN(const std::string wanted, conda_platform(oci::Platform::host()));
    for (std::size_t i = 0; i < packages.size(); ++i) {
        TRY(check_platform(lock.entries.at(i), packages[i].metadata.subdir, wanted));
    }
    return {};
}

Result<void> check_scripts(const EnvironmentPlan& plan, const conda::LinkScriptPolicy& policy) {
    return conda::check_answers(conda::plan_link_scripts(plan, policy, k_default_path), policy);
}

boost::asio::awaitable<Result<Contents>> plan_of(
    Services& services, const EnvironmentBuild& build, CondaPackages& packages
) {
    auto parse = [&build]() -> Result<conda::Lock> {
        TRY_ASSIGN(conda::Lock lock, read_lock(build.context));
        TRY(check_platforms(lock));
        return lock;
    };
    const auto lock = co_await run_on(services.pool, std::move(parse));
    if (!lock) {
        co_return fail(lock.error());
    }
    const auto files = conda::files_of(*lock);
    if (!files) {
        co_return fail(files.error());
    }
    const auto fetched = co_await packages.fetch(*files);
    if (!fetched) {
        co_return fail(fetched.error());
    }
    std::vector<std::function<Result<std::vector<EnvironmentPackage>>()>> reads;
    const std::span<const LockEntry> entries = lock->entries;
    for (std::size_t first = 0; first < entries.size(); first += k_reads_in_one) {
        const auto some = entries.subspan(first, std::min(k_reads_in_one, entries.size() - first));
        reads.emplace_back([&packages, some] { return packages.read(some); });
    }
    auto read = co_await run_all(services.loop, services.pool, std::move(reads));
    if (!read) {
        co_return fail(read.error());
    }
    conda::EnvironmentOptions options;
    options.prefix = build.context.prefix;
    options.platform = lock->platform;
    options.variables = build.context.variables.value_or(lock->inputs.variables);
    auto plan = [&]() -> Result<Contents> {
        std::vector<EnvironmentPackage> all;
        for (std::vector<EnvironmentPackage>& some : *read) {
            std::move(some.begin(), some.end(), std::back_inserter(all));
        }
        TRY(check_platforms(*lock, all));
        Contents contents;
        TRY_ASSIGN(contents.plan, conda::plan_environment(std::move(all), options));
        TRY(check_scripts(contents.plan, build.link_scripts));
        TRY(plan_pip(*lock, packages, contents));
        return contents;
    };
    co_return co_await run_on(services.pool, std::move(plan));
}

/// A file of env_vars.d, variables for conda-meta/state, or code that may write either.
bool declares_variables(const EnvironmentPlan& plan, const Environment& environment) {
    const auto has_file = [](const PlannedPackage& planned) {
        return !planned.package.metadata.paths.below("etc/conda/env_vars.d").empty();
    };
    return !plan.variables.empty() || !environment.scripts.runs.empty()
           || std::any_of(plan.packages.begin(), plan.packages.end(), has_file);
}

/// An environment without its layers: what is to run once these lie in an image. The plan is told
/// what is compiled.
Environment with_runs(EnvironmentPlan& plan, const EnvironmentBuild& build) {
    Environment environment;
    environment.prefix = plan.prefix;
    environment.scripts = conda::plan_link_scripts(plan, build.link_scripts, k_default_path);
    if (build.compile_pyc) {
        environment.compile = conda::plan_compile_pyc(plan);
    }
    environment.declares_variables = declares_variables(plan, environment);
    return environment;
}

void warn(const EnvironmentBuild& build, const std::vector<std::string>& warnings) {
    if (build.tells == Tells::nothing) {
        return;
    }
    for (const std::string& warning : warnings) {
        build.job->emit(WarningEvent{.message = warning});
    }
}

boost::asio::awaitable<Result<void>> remember_packages(
    Services& services, const CondaPackages& packages
) {
    if (!packages.has_news()) {
        co_return Result<void>();
    }
    auto remember = [&packages] { return packages.remember(); };
    co_return co_await run_on(services.waiters, std::move(remember));
}

/// One group: made by the pool, made durable beside it.
boost::asio::awaitable<Result<void>> lay_group(
    Services& services,
    const CondaLayers& layers,
    const EnvironmentPlan& plan,
    PackageGroup& group,
    std::vector<RecordPart>& records
) {
    auto lay = [&layers, &plan, &group, &records] { return layers.lay(plan, group, records); };
    const auto done = co_await run_on(services.pool, std::move(lay));
    if (!done) {
        co_return fail(done.error());
    }
    auto remember = [&layers, &group] { return layers.remember(group.laid); };
    co_return co_await run_on(services.waiters, std::move(remember));
}

/// All of them, made where they are not known. What was learnt of packages becomes durable beside.
boost::asio::awaitable<Result<void>> lay_groups(
    Services& services,
    const CondaLayers& layers,
    const EnvironmentPlan& plan,
    const CondaPackages& packages,
    CondaInventory& inventory
) {
    std::vector<PackageGroup*> missing;
    for (PackageGroup& group : inventory.groups) {
        if (inventory.is_missing(group)) {
            missing.push_back(&group);
        }
    }
    auto work = [&](std::size_t index) {
        if (index == 0) {
            return remember_packages(services, packages);
        }
        return lay_group(services, layers, plan, *missing[index - 1], inventory.records);
    };
    const std::size_t at_once = 2 * services.pool.size() + k_syncs_at_once;
    co_return co_await fan_out(services.loop, missing.size() + 1, at_once, work);
}

/// All layers of an environment: those of its packages, then conda-meta.
boost::asio::awaitable<Result<CondaInventory>> lay_environment(
    Services& services,
    const CondaLayers& layers,
    const EnvironmentPlan& plan,
    const CondaPackages& packages,
    std::size_t room
) {
    auto look = [&layers, &plan, room] { return layers.find(plan, group_packages(plan, room)); };
    auto inventory = co_await run_on(services.pool, std::move(look));
    if (!inventory) {
        co_return fail(inventory.error());
    }
    const auto laid = co_await lay_groups(services, layers, plan, packages, *inventory);
    if (!laid) {
        co_return fail(laid.error());
    }
    auto lay_meta = [&layers, &plan, &inventory] { return layers.lay_meta(plan, *inventory); };
    auto meta = co_await run_on(services.pool, std::move(lay_meta));
    if (!meta) {
        co_return fail(meta.error());
    }
    auto remember = [&layers, &meta] { return layers.remember(*meta); };
    const auto remembered = co_await run_on(services.waiters, std::move(remember));
    if (!remembered) {
        co_return fail(remembered.error());
    }
    inventory->meta = std::move(*meta);
    co_return std::move(*inventory);
}

Result<PipStep> pip_step(
    store::Store& store,
    const LayerWriting& writing,
    conda::PipRun run,
    const std::vector<Digest>& contents,
    std::string names
) {
    std::vector<RunFile> files;
    for (const conda::PipFile& file : run.files) {
        files.push_back(
            {file.path,
             file.text,
             file.entry ? std::optional(contents.at(*file.entry)) : std::nullopt}
        );
    }
    TRY_ASSIGN(
        const KnownLayer layer,
        layer_of_files(store, writing, std::move(files), conda::k_pip_scratch)
    );
    return PipStep{std::move(run), std::move(names), layer.layer->diff_id};
}

/// The runs of pip, with what they read in the store.
Result<std::vector<PipStep>> pip_steps(
    store::Store& store, const LayerWriting& writing, const Contents& contents, bool compiled
) {
    std::vector<PipStep> steps;
    if (!contents.pip) {
        return steps;
    }
    TRY_ASSIGN(
        steps.emplace_back(),
        pip_step(store, writing, *contents.pip, contents.pip_files, contents.pip_names)
    );
    if (compiled) {
        conda::PipRun run = conda::plan_pip_compile(contents.plan.prefix);
        TRY_ASSIGN(steps.emplace_back(), pip_step(store, writing, std::move(run), {}, ""));
    }
    return steps;
}

/// How many layers the packages may take: those above the prefix, conda-meta, what scripts change
/// and what is compiled come beside them.
std::size_t room_for_packages(const Environment& environment, std::size_t max_layers) {
    const std::size_t beside = 2 + (environment.scripts.runs.empty() ? 0U : 1U)
                               + (environment.compile ? 1U : 0U) + environment.pip.size();
    return max_layers > beside ? max_layers - beside : 1;
}

void warn_of_records(
    const EnvironmentBuild& build, const EnvironmentPlan& plan, const CondaInventory& inventory
) {
    std::vector<std::string> warnings;
    for (std::size_t i = 0; i < inventory.records.size(); ++i) {
        const auto& made = inventory.records[i].made;
        if (auto warning = made ? warning_of(plan.packages[i], *made) : std::nullopt) {
            warnings.push_back(std::move(*warning));
        }
    }
    warn(build, warnings);
}

/// The layers of packages follow each other, many of them small.
LayerWriting writing_of(Services& services, const EnvironmentBuild& build) {
    LayerWriting writing{
        services.store, services.pool, build.lease, build.layer, build.job->stop_token()};
    writing.options.buffers = std::make_shared<BlockBuffers>();
    return writing;
}

}  // namespace

boost::asio::awaitable<Result<Environment>> build_environment(
    Services& services, EnvironmentBuild build
) {
    CondaPackages packages(
        services, build.context, build.lease, build.fetch, build.job->stop_token()
    );
    auto contents = co_await plan_of(services, build, packages);
    if (!contents) {
        co_return fail(contents.error());
    }
    auto plan_runs = [&contents, &build] { return with_runs(contents->plan, build); };
    Environment environment = co_await run_on(services.pool, std::move(plan_runs));
    const EnvironmentPlan* plan = &contents->plan;
    warn(build, plan->warnings);
    warn(build, conda::missing_dependencies(*plan));
    warn(build, environment.scripts.warnings);

    LayerWriting writing = writing_of(services, build);
    auto find_pip = [&] {
        return pip_steps(services.store, writing, *contents, build.compile_pyc);
    };
    auto pip = co_await run_on(services.pool, std::move(find_pip));
    if (!pip) {
        co_return fail(pip.error());
    }
    environment.pip = std::move(*pip);
    const CondaLayers layers(services, std::move(writing), build.no_cache);
    const std::size_t room = room_for_packages(environment, build.max_layers);
    const auto inventory = co_await lay_environment(services, layers, *plan, packages, room);
    if (!inventory) {
        co_return fail(inventory.error());
    }
    warn_of_records(build, *plan, *inventory);
    if (environment.compile) {
        auto list = [&layers, &environment] { return layers.compile_list(*environment.compile); };
        const auto listed = co_await run_on(services.pool, std::move(list));
        if (!listed) {
            co_return fail(listed.error());
        }
        environment.compile_list = listed->layer->diff_id;
    }
    for (const PackageGroup& group : inventory->groups) {
        add_layer(environment, group.laid, group.names, build.epoch);
    }
    add_layer(environment, *inventory->meta, "conda-meta", build.epoch);
    co_return environment;
}

}  // namespace kiln::daemon
