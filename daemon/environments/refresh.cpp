#include "daemon/environments/refresh.hpp"

#include "daemon/build/images.hpp"
#include "daemon/conda/target.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/lock_fit.hpp"
#include "daemon/environments/remote.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/fan_out.hpp"
#include "daemon/runtime/run_on.hpp"
#include "layers/conda/input/input.hpp"

#include <algorithm>
#include <set>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

/// Environments that are refreshed at once.
constexpr std::size_t k_at_once = 4;

/// A version whose base has moved, and the next one.
struct Move {
    store::EnvironmentVersion before;
    ResolvedEnvironment after;
    Image old_base;
    Image new_base;
};

/// The definition with its files, as a client would bring it again.
EnvironmentRequest request_of(
    const store::EnvironmentVersion& version, const EnvironmentTexts& texts
) {
    EnvironmentRequest request;
    request.workspace = version.workspace;
    request.definition = texts.inputs.definition;
    if (texts.definition.lock) {
        request.lock = texts.inputs.conda;
    } else {
        request.conda_file = texts.inputs.conda;
    }
    if (const auto& docker = texts.inputs.docker) {
        request.dockerfile = docker->dockerfile;
        request.ignore = docker->ignore;
        request.context = docker->context;
    }
    return request;
}

/// The first image that is another one now: its name, and both manifests.
struct MovedImage {
    std::string name;
    Descriptor before;
    Descriptor after;
};

std::optional<MovedImage> moved_image(
    const EnvironmentInputs& before, const EnvironmentInputs& after
) {
    if (before.base && after.base && before.base->manifest != after.base->manifest) {
        return MovedImage{before.base->name, before.base->manifest, after.base->manifest};
    }
    if (before.docker && after.docker) {
        for (const auto& [name, manifest] : before.docker->images) {
            const auto now = after.docker->images.find(name);
            if (now != after.docker->images.end() && now->second != manifest) {
                return MovedImage{name, manifest, now->second};
            }
        }
    }
    return std::nullopt;
}

std::uint64_t bytes_beyond(const Image& after, const Image& before) {
    std::set<Digest> known;
    for (const Descriptor& layer : before.manifest.layers) {
        known.insert(layer.digest);
    }
    std::uint64_t bytes = 0;
    for (const Descriptor& layer : after.manifest.layers) {
        bytes += known.insert(layer.digest).second ? layer.size_bytes : 0;
    }
    return bytes;
}

/// Whether any of its bases has been here for more than 30 days.
Result<bool> has_old_base(Services& services, const EnvironmentInputs& inputs) {
    std::vector<std::string> names;
    if (inputs.base) {
        names.push_back(inputs.base->name);
    }
    if (inputs.docker) {
        for (const auto& [name, manifest] : inputs.docker->images) {
            names.push_back(name);
        }
    }
    for (const std::string& name : names) {
        TRY_ASSIGN(const auto ref, find_ref(services.store, name));
        if (ref && services.clock.now() - ref->updated > k_old_base_seconds) {
            return true;
        }
    }
    return false;
}

/// Looks the names of one version up again; nullopt: they mean what they meant.
Result<std::optional<Move>> find_move(
    Services& services,
    const store::Lease& lease,
    const store::EnvironmentVersion& version,
    Refreshed& row
) {
    store::Store& store = services.store;
    TRY_ASSIGN(EnvironmentTexts texts, read_environment_texts(store.environments(), version));
    TRY_ASSIGN(row.is_old, has_old_base(services, texts.inputs));
    texts.definition.version.reset();
    const BuildRequest as_is;
    BaseResolver bases(store, as_is);
    TRY_ASSIGN(
        ResolvedEnvironment after,
        resolve_environment(
            bases,
            lease,
            request_of(version, texts),
            texts.definition,
            settings_of(services.workspaces, version.workspace)
        )
    );
    const auto moved = moved_image(texts.inputs, after.inputs);
    if (!moved) {
        return std::optional<Move>();
    }
    Move move{.before = version, .after = std::move(after), .old_base = {}, .new_base = {}};
    TRY_ASSIGN(move.old_base, load_image(store, moved->before));
    TRY_ASSIGN(move.new_base, load_image(store, moved->after));
    row.status = RefreshStatus::moved;
    row.base = moved->name;
    row.base_before = moved->before.digest;
    row.base_after = moved->after.digest;
    row.moved_bytes = bytes_beyond(move.new_base, move.old_base);
    return std::optional(std::move(move));
}

/// The lock of the version before, unless the new base lacks what its packages ask for.
Result<std::optional<NamedText>> carried_lock(
    Services& services, const store::Lease& lease, const Move& move, Refreshed& row
) {
    const store::Environments environments = services.store.environments();
    TRY_ASSIGN(const auto images, environments.images(move.before.hash));
    if (images.empty() || !images.front().lock) {
        row.reason = "it was not built before";
        return std::optional<NamedText>();
    }
    TRY_ASSIGN(std::string text, environments.document(*images.front().lock));
    TRY_ASSIGN(const auto lock, read_environment_lock(environments, move.before));
    TRY_ASSIGN(
        const conda::TargetFacts facts, read_target(services.store, lease, row.base_after->render())
    );
    const auto unmet = unmet_by(conda::virtual_packages(facts), *lock);
    if (!unmet.empty()) {
        row.reason = unmet.front();
        return std::optional<NamedText>();
    }
    return std::optional(NamedText{"the lock of " + reference_of(move.before), std::move(text)});
}

struct Planned {
    std::shared_ptr<const EnvironmentBuildOrder> order;
    EnvironmentBuildPlan plan;
};

/// Names the next version and plans its build; nullopt: there is nothing to build (row says why).
Result<std::optional<Planned>> plan_move(
    Services& services,
    const store::Lease& lease,
    const RefreshOrder& order,
    const Move& move,
    Refreshed& row
) {
    std::optional<NamedText> lock;
    if (move.after.inputs.conda) {
        TRY_ASSIGN(lock, carried_lock(services, lease, move, row));
        if (!lock) {
            row.status = RefreshStatus::unresolved;
        }
    }
    if (order.dry_run) {
        return std::optional<Planned>();
    }
    const WorkspaceSettings& workspace = settings_of(services.workspaces, order.workspace);
    const Addition addition{
        .workspace = order.workspace, .author = order.author, .now = services.clock.now()};
    TRY_ASSIGN(const auto added, add_environment(services.store, move.after, addition, workspace));
    row.to_version = added.version.version;
    if (row.status == RefreshStatus::unresolved) {
        return std::optional<Planned>();
    }
    auto build = std::make_shared<EnvironmentBuildOrder>();
    build->version = added.version;
    build->lock = std::move(lock);
    build->credentials = order.credentials;
    if (order.push) {
        build->push_to = remote_environment_name(workspace, added.version.hash);
    }
    TRY_ASSIGN(EnvironmentBuildPlan plan, plan_environment_build(services, *build));
    return std::optional(Planned{std::move(build), std::move(plan)});
}

/// What lies above the base in both images, by digest.
std::vector<Digest> above(const Image& image, const Image& base) {
    std::vector<Digest> digests;
    for (std::size_t i = base.manifest.layers.size(); i < image.manifest.layers.size(); ++i) {
        digests.push_back(image.manifest.layers[i].digest);
    }
    return digests;
}

/// Says whether every layer above the base came out as it was.
Result<void> judge(Services& services, const Move& move, const Digest& built, Refreshed& row) {
    store::Store& store = services.store;
    row.image = built;
    row.status = RefreshStatus::rebuilt;
    TRY_ASSIGN(const auto before, find_environment_image(store, move.before.hash));
    if (!before) {
        row.reason = "it was not built before";
        return {};
    }
    TRY_ASSIGN(const Image old_image, load_image(store, before->image));
    TRY_ASSIGN(const store::Ref ref, find_image(store, built.render()));
    TRY_ASSIGN(const Image new_image, load_image(store, ref.target));
    row.moved_bytes = bytes_beyond(new_image, old_image);
    if (above(old_image, move.old_base) == above(new_image, move.new_base)) {
        row.status = RefreshStatus::rebased;
    } else {
        row.reason = "a step above the base looks at what lies below it";
    }
    return {};
}

awaitable<Result<void>> refresh_one(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    std::shared_ptr<const RefreshOrder> order,
    store::EnvironmentVersion version,
    Refreshed& row
) {
    const store::Lease lease = services.store.lease();
    std::optional<Move> move;
    auto look = [&]() -> Result<std::optional<Planned>> {
        TRY_ASSIGN(move, find_move(services, lease, version, row));
        if (!move) {
            return std::optional<Planned>();
        }
        return plan_move(services, lease, *order, *move, row);
    };
    auto planned = co_await run_on(services.pool, std::move(look));
    if (!planned) {
        co_return fail(std::move(planned).error());
    }
    if (!*planned) {
        co_return Result<void>();
    }
    std::optional<Digest> image;
    if ((*planned)->plan.known) {
        image = (*planned)->plan.known->image.digest;
    } else {
        LentByListing lent;
        auto built = co_await build_environment_image(
            services, builds, job, (*planned)->order, (*planned)->plan, std::move(lent)
        );
        if (!built) {
            co_return fail(std::move(built).error());
        }
        image = built->image;
    }
    auto compare = [&] { return judge(services, *move, *image, row); };
    co_return co_await run_on(services.pool, std::move(compare));
}

Result<std::vector<store::EnvironmentVersion>> chosen(
    Services& services, const RefreshOrder& order
) {
    std::vector<store::EnvironmentVersion> versions;
    if (order.names.empty()) {
        TRY_ASSIGN(versions, services.store.environments().latest(order.workspace, false));
    } else {
        for (const std::string& name : order.names) {
            TRY_ASSIGN(
                versions.emplace_back(), find_environment(services.store, order.workspace, name, "")
            );
        }
    }
    std::erase_if(versions, [](const auto& version) { return is_curated(version); });
    return versions;
}

}  // namespace

std::string_view refresh_status_name(RefreshStatus status) {
    switch (status) {
        case RefreshStatus::current:
            return "current";
        case RefreshStatus::moved:
            return "moved";
        case RefreshStatus::rebased:
            return "rebased";
        case RefreshStatus::rebuilt:
            return "rebuilt";
        case RefreshStatus::unresolved:
            return "unresolved";
        case RefreshStatus::failed:
            return "failed";
    }
    return "";
}

awaitable<Result<std::vector<Refreshed>>> refresh_environments(
    Services& services,
    BuildTable& builds,
    std::shared_ptr<Job> job,
    std::shared_ptr<const RefreshOrder> order
) {
    auto choose = [&services, order] { return chosen(services, *order); };
    auto versions = co_await run_on(services.pool, std::move(choose));
    if (!versions) {
        co_return fail(std::move(versions).error());
    }
    std::vector<Refreshed> rows(versions->size());
    auto refresh = [&](std::size_t index) -> awaitable<Result<void>> {
        Refreshed& row = rows[index];
        const store::EnvironmentVersion& version = (*versions)[index];
        row.name = version.name;
        row.from_version = version.version;
        if (job->stop_token().stop_requested()) {
            co_return fail(Code::cancelled, "cancelled");
        }
        const auto done = co_await refresh_one(services, builds, job, order, version, row);
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

json::Value render_refreshed(const std::vector<Refreshed>& all) {
    const auto digest = [](const std::optional<Digest>& each) {
        return each ? json::Value(each->render()) : json::Value(nullptr);
    };
    const auto text = [](const std::string& each) {
        return each.empty() ? json::Value(nullptr) : json::Value(each);
    };
    json::Array rows;
    for (const Refreshed& each : all) {
        rows.push_back(json::Object{
            {"name", each.name},
            {"from_version", each.from_version},
            {"to_version", text(each.to_version)},
            {"status", refresh_status_name(each.status)},
            {"base", text(each.base)},
            {"base_before", digest(each.base_before)},
            {"base_after", digest(each.base_after)},
            {"is_old", each.is_old},
            {"moved_bytes", each.moved_bytes},
            {"image", digest(each.image)},
            {"reason", text(each.reason)}});
    }
    return json::Object{{"environments", std::move(rows)}};
}

}  // namespace kiln::daemon
