#include "daemon/environments/refresh.hpp"

#include "daemon/conda/target.hpp"
#include "daemon/environments/base_move.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/interrupted.hpp"
#include "daemon/environments/lock_fit.hpp"
#include "daemon/environments/remote.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/input/input.hpp"

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

/// Environments that are refreshed at once.
constexpr std::size_t k_at_once = 4;

/// The lock that was brought for it, or that of the version before; nullopt: there is none, or the
/// new base lacks what its packages ask for (row says why).
Result<std::optional<NamedText>> lock_of_next(
    Services& services,
    const store::Lease& lease,
    const RefreshOrder& order,
    const BaseMove& move,
    Refreshed& row
) {
    const store::Environments environments = services.store.environments();
    NamedText text;
    if (const auto brought = order.locks.find(move.before.name); brought != order.locks.end()) {
        text = brought->second;
    } else {
        TRY_ASSIGN(const auto images, environments.images(move.before.hash));
        if (images.empty() || !images.front().lock) {
            row.reason = "it was not built before";
            return std::optional<NamedText>();
        }
        text.name = "the lock of " + reference_of(move.before);
        TRY_ASSIGN(text.text, environments.document(*images.front().lock));
    }
    TRY_ASSIGN(const std::string platform, conda_platform_of(move.after.definition));
    TRY_ASSIGN(
        const conda::Lock lock, conda::read_conda_lock(text.text, text.name, {.platform = platform})
    );
    TRY_ASSIGN(
        const conda::TargetFacts facts, read_target(services.store, lease, row.base_after->render())
    );
    const auto unmet = unmet_by(conda::virtual_packages(facts), lock);
    if (!unmet.empty()) {
        row.reason = unmet.front();
        return std::optional<NamedText>();
    }
    return std::optional(std::move(text));
}

struct Planned {
    std::shared_ptr<const EnvironmentBuildOrder> order;
    EnvironmentBuildPlan plan;
};

UnresolvedEnvironment to_resolve(const BaseMove& move, const Refreshed& row) {
    UnresolvedEnvironment wanted;
    wanted.input = *move.after.inputs.conda;
    wanted.base = row.base_after;
    wanted.platform = move.after.definition.platform_or(oci::Platform::host()).render();
    wanted.channels = move.after.inputs.default_channels;
    return wanted;
}

/// Names the next version and plans its build; nullopt: there is nothing to build (row says why).
Result<std::optional<Planned>> plan_move(
    Services& services,
    const store::Lease& lease,
    const RefreshOrder& order,
    const BaseMove& move,
    Refreshed& row
) {
    std::optional<NamedText> lock;
    if (move.after.inputs.conda) {
        TRY_ASSIGN(lock, lock_of_next(services, lease, order, move, row));
        if (!lock) {
            row.status = RefreshStatus::unresolved;
            row.unresolved = to_resolve(move, row);
            return std::optional<Planned>();
        }
    }
    if (order.dry_run) {
        return std::optional<Planned>();
    }
    if (lock) {
        TRY(keep_lock_of_next(services, move.after, *lock));
    }
    const WorkspaceSettings& workspace = settings_of(services.workspaces, order.workspace);
    const Addition addition{
        .workspace = order.workspace,
        .author = order.author.value_or(move.before.author),
        .now = services.clock.now()};
    TRY_ASSIGN(const auto added, add_environment(services.store, move.after, addition, workspace));
    row.to_version = added.version.version;
    auto build = std::make_shared<EnvironmentBuildOrder>();
    build->version = added.version;
    // The build finds every package's layer known. rebase_onto() would come to the same bytes only
    // after a look at all that depends on the base: the labels, which parents of the prefix it
    // lacks, and how many layers it leaves to the packages. judge_move() compares what came out.
    build->lock = std::move(lock);
    build->credentials = order.credentials;
    if (order.push) {
        build->push_to = remote_environment_name(workspace, added.version.hash);
    }
    TRY_ASSIGN(EnvironmentBuildPlan plan, plan_environment_build(services, *build));
    return std::optional(Planned{std::move(build), std::move(plan)});
}

/// The image of a definition, with its lock, that another daemon of the team built; nullopt where
/// there is none, or where the registry cannot be asked.
awaitable<Result<std::optional<Digest>>> take_built(
    Services& services, std::shared_ptr<Job> job, const RefreshOrder& order, Digest hash
) {
    const WorkspaceSettings& workspace = settings_of(services.workspaces, order.workspace);
    const std::string reference =
        order.push ? remote_environment_name(workspace, hash) : std::string();
    if (reference.empty()) {
        co_return std::optional<Digest>();
    }
    const auto found =
        co_await look_up_remote(services, job->stop_token(), reference, order.credentials);
    if (!found && found.error().code == Code::cancelled) {
        co_return fail(found.error());
    }
    if (!found) {
        services.log.warning("registry_not_asked", {{"error", found.error().render()}});
    }
    if (!found || !*found) {
        co_return std::optional<Digest>();
    }
    const auto taken =
        co_await take_remote_environment(services, job, hash, reference, order.credentials);
    if (!taken) {
        co_return fail(taken.error());
    }
    co_return taken->image;
}

/// The image of the next version: known, built by somebody else, or built now; nullopt: packages
/// are to be sent first, for the version before was built elsewhere (row says which).
awaitable<Result<std::optional<Digest>>> image_of(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    const RefreshOrder& order,
    const Planned& planned,
    Refreshed& row
) {
    if (planned.plan.known) {
        co_return std::optional(planned.plan.known->image.digest);
    }
    auto taken = co_await take_built(services, job, order, planned.order->version.hash);
    if (!taken || *taken) {
        co_return taken;
    }
    LentByListing lent;
    auto built = co_await build_environment_image(
        services, builds, job, planned.order, planned.plan, std::move(lent)
    );
    if (built) {
        co_return built->image;
    }
    if (built.error().code != Code::not_found) {
        co_return fail(std::move(built).error());
    }
    // Only now: packages whose layers are known need not be here.
    const auto needs = co_await builds.needs(*planned.plan.request);
    if (!needs || needs->files.empty()) {
        co_return fail(std::move(built).error());
    }
    row.status = RefreshStatus::unsent;
    row.reason = built.error().message;
    co_return std::optional<Digest>();
}

awaitable<Result<void>> refresh_one(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    std::shared_ptr<const RefreshOrder> order,
    const RefreshCandidate& candidate,
    const BasesNow& now,
    Refreshed& row
) {
    const store::Lease lease = services.store.lease();
    auto look = [&] { return find_move(services, lease, candidate, now, row); };
    const auto move = co_await run_on(services.pool, std::move(look));
    if (!move) {
        co_return fail(move.error());
    }
    if (!*move) {
        co_return Result<void>();
    }
    if (!(*move)->old_image) {
        // Its lock is what the next version begins with.
        const auto taken = co_await take_built(services, job, *order, (*move)->before.hash);
        if (!taken) {
            co_return fail(taken.error());
        }
    }
    auto plan = [&] { return plan_move(services, lease, *order, **move, row); };
    const auto planned = co_await run_on(services.pool, std::move(plan));
    if (!planned) {
        co_return fail(planned.error());
    }
    if (!*planned) {
        co_return Result<void>();
    }
    const auto image = co_await image_of(services, builds, job, *order, **planned, row);
    if (!image) {
        co_return fail(image.error());
    }
    if (!*image) {
        co_return Result<void>();
    }
    auto compare = [&] { return judge_move(services.store, **move, **image, row); };
    co_return co_await run_on(services.pool, std::move(compare));
}

Result<std::vector<RefreshCandidate>> find_candidates(
    Services& services, const RefreshOrder& order
) {
    const store::Environments environments = services.store.environments();
    std::vector<store::EnvironmentVersion> versions;
    if (order.names.empty()) {
        TRY_ASSIGN(versions, environments.latest(order.workspace, false));
        std::erase_if(versions, [](const auto& version) { return is_curated(version); });
    }
    for (const std::string& name : order.names) {
        TRY_ASSIGN(
            versions.emplace_back(), find_environment(services.store, order.workspace, name, "")
        );
        TRY(refuse_curated(versions.back()));
    }
    std::vector<RefreshCandidate> candidates;
    for (store::EnvironmentVersion& version : versions) {
        if (version.archived) {  // told, and no other is kept back
            auto stays = fail(
                Code::conflict, "it is archived, and stays until kiln env restore {}", version.name
            );
            candidates.push_back({std::move(version), std::move(stays)});
            continue;
        }
        TRY_ASSIGN(auto begun_with, interrupted_refresh_of(services.store, version));
        if (begun_with) {
            version = std::move(*begun_with);  // it comes to the same version again, and builds it
        }
        auto texts = read_environment_texts(environments, version);
        candidates.push_back({std::move(version), std::move(texts)});
    }
    return candidates;
}

}  // namespace

awaitable<Result<std::vector<Refreshed>>> refresh_environments(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    std::shared_ptr<const RefreshOrder> order
) {
    auto find = [&services, order] { return find_candidates(services, *order); };
    const auto candidates = co_await run_on(services.pool, std::move(find));
    if (!candidates) {
        co_return fail(candidates.error());
    }
    const store::Lease lease = services.store.lease();  // of what is pulled
    BaseLookUp look_up{order->pull, order->dry_run, order->credentials};
    const auto now =
        co_await look_up_bases(services, job, base_names(*candidates), std::move(look_up), lease);
    if (!now) {
        co_return fail(now.error());
    }
    std::vector<Refreshed> rows(candidates->size());
    auto refresh = [&](std::size_t index) -> awaitable<Result<void>> {
        Refreshed& row = rows[index];
        const RefreshCandidate& candidate = (*candidates)[index];
        row.name = candidate.version.name;
        row.from_version = candidate.version.version;
        if (job->stop_token().stop_requested()) {
            co_return fail(Code::cancelled, "cancelled");
        }
        const auto done = co_await refresh_one(services, builds, job, order, candidate, *now, row);
        if (!done && done.error().code == Code::cancelled) {
            co_return done;
        }
        if (!done) {
            row.status = RefreshStatus::failed;
            row.reason = done.error().message;
        }
        co_return Result<void>();
    };
    const auto done = co_await fan_out(services.loop, rows.size(), k_at_once, std::move(refresh));
    if (!done) {
        co_return fail(done.error());
    }
    co_return rows;
}

}  // namespace kiln::daemon
