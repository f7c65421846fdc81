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

/// Packages that are made and wait for the disk, while the pool makes others.
constexpr std::size_t k_syncs_at_once = 4;

/// Packages that one task of the pool reads: handing over costs more than reading one.
constexpr std::size_t k_reads_in_one = 8;

/// Layers that become one of the image, and whose they are.
struct Group {
    std::vector<LayerFacts> members;
    std::string names;
};

/// The payloads, at most `room` groups of them, by their first name: what depends on what, and how
/// a lock is ordered, moves no layer.
std::vector<Group> group_layers(
    const EnvironmentPlan& plan, const std::vector<PackageLayers>& made, std::size_t room
) {
    std::vector<conda::GroupingItem> items;
    std::vector<std::size_t> packages;  // of each item
    for (std::size_t i = 0; i < made.size(); ++i) {
        if (made[i].payload.layer) {
            items.push_back(
                {plan.packages[i].package.metadata.name, made[i].payload.layer->tar_bytes}
            );
            packages.push_back(i);
        }
    }
    std::vector<Group> groups;
    for (const std::vector<std::size_t>& indexes : conda::group_packages(items, room)) {
        Group group;
        for (const std::size_t index : indexes) {
            const std::size_t package = packages[index];
            const std::string dist = plan.packages[package].package.metadata.dist();
            group.names += (group.names.empty() ? "" : ", ") + dist;
            group.members.push_back(*made[package].payload.layer);
        }
        groups.push_back(std::move(group));
    }
    std::sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
        return a.names < b.names;
    });
    return groups;
}

void add_layer(
    Environment& environment, const Digest& diff_id, const std::string& names, UnixSeconds epoch
) {
    environment.chain.layers.push_back(ChainLayer{diff_id});
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

/// "linux-64": what the image is for.
Result<std::string> image_platform() {
    const oci::Platform host = oci::Platform::host();
    return conda_platform(host.os + "/" + host.architecture);
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
    TRY_ASSIGN(const std::string wanted, image_platform());
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
    TRY_ASSIGN(const std::string wanted, image_platform());
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
    constexpr std::string_view k_declared = "etc/conda/env_vars.d/";
    const auto has_file = [k_declared](const PlannedPackage& planned) {
        const auto& paths = planned.package.metadata.paths;
        return std::any_of(paths.begin(), paths.end(), [k_declared](const auto& path) {
            return path.path.starts_with(k_declared);
        });
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

/// What is known of all packages, and which are to be made.
struct Inventory {
    std::vector<PackageLayers> packages;
    std::vector<std::size_t> missing;
};

Result<Inventory> take_inventory(const CondaLayers& layers, const EnvironmentPlan& plan) {
    Inventory inventory;
    for (std::size_t i = 0; i < plan.packages.size(); ++i) {
        TRY_ASSIGN(PackageLayers found, layers.find(plan, plan.packages[i]));
        if (!found.known()) {
            inventory.missing.push_back(i);
        }
        inventory.packages.push_back(std::move(found));
    }
    return inventory;
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

/// One package: made by the pool, made durable beside it.
boost::asio::awaitable<Result<void>> lay_package(
    Services& services,
    const CondaLayers& layers,
    const EnvironmentPlan& plan,
    std::size_t index,
    PackageLayers& made
) {
    auto make = [&layers, &plan, &made, index] {
        return layers.make_missing(plan, plan.packages[index], made);
    };
    const auto done = co_await run_on(services.pool, std::move(make));
    if (!done) {
        co_return fail(done.error());
    }
    auto remember = [&layers, &made] { return layers.remember(made); };
    co_return co_await run_on(services.waiters, std::move(remember));
}

/// All of them, made where they are not known. What was learnt of packages becomes durable beside.
boost::asio::awaitable<Result<Inventory>> lay_packages(
    Services& services,
    const CondaLayers& layers,
    const EnvironmentPlan& plan,
    const CondaPackages& packages
) {
    auto look = [&layers, &plan] { return take_inventory(layers, plan); };
    auto inventory = co_await run_on(services.pool, std::move(look));
    if (!inventory) {
        co_return fail(inventory.error());
    }
    const std::vector<std::size_t>& missing = inventory->missing;
    auto work = [&](std::size_t index) {
        if (index == 0) {
            return remember_packages(services, packages);
        }
        const std::size_t package = missing[index - 1];
        return lay_package(services, layers, plan, package, inventory->packages[package]);
    };
    const std::size_t at_once = 2 * services.pool.size() + k_syncs_at_once;
    const auto laid = co_await fan_out(services.loop, missing.size() + 1, at_once, work);
    if (!laid) {
        co_return fail(laid.error());
    }
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
    const auto layers = std::make_shared<CondaLayers>(services, std::move(writing), build.no_cache);
    auto inventory = co_await lay_packages(services, *layers, *plan, packages);
    if (!inventory) {
        co_return fail(inventory.error());
    }
    const std::vector<PackageLayers>& made = inventory->packages;
    for (const PackageLayers& each : made) {
        warn(build, each.warnings);
    }
    const std::size_t room = room_for_packages(environment, build.max_layers);
    std::vector<Group> groups = group_layers(*plan, made, room);
    auto prepare = [&]() -> Result<void> {
        TRY_ASSIGN(const KnownLayer head, layers->meta_head(*plan));
        Group meta{.members = {*head.layer}, .names = "conda-meta"};
        for (const PackageLayers& each : made) {
            meta.members.push_back(*each.record.layer);
        }
        groups.push_back(std::move(meta));
        if (environment.compile) {
            TRY_ASSIGN(const KnownLayer list, layers->compile_list(*environment.compile));
            environment.compile_list = list.layer->diff_id;
        }
        return {};
    };
    const auto prepared = co_await run_on(services.pool, std::move(prepare));
    if (!prepared) {
        co_return fail(prepared.error());
    }
    std::vector<std::function<Result<JoinedLayer>()>> joins;
    for (const Group& group : groups) {
        joins.emplace_back([layers, &group] { return layers->joined(group.members, group.names); });
    }
    const auto joined = co_await run_all(services.loop, services.pool, std::move(joins));
    if (!joined) {
        co_return fail(joined.error());
    }
    auto remember = [&layers, &joined] { return layers->remember(*joined); };
    const auto remembered = co_await run_on(services.waiters, std::move(remember));
    if (!remembered) {
        co_return fail(remembered.error());
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
        add_layer(environment, joined->at(i).layer.layer->diff_id, groups[i].names, build.epoch);
    }
    co_return environment;
}

}  // namespace kiln::daemon
