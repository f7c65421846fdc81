#include "daemon/environments/curation.hpp"

#include "daemon/build/registry_access.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/sharing.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/runtime/stoppable.hpp"
#include "layers/oci/reference.hpp"

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

constexpr std::size_t k_referrer_tag_bytes = 71;  // "sha256-" and 64 digits

/// Tags that stand in for a registry's list of referrers.
bool is_referrers_tag(const std::string& tag) {
    return tag.size() == k_referrer_tag_bytes && tag.starts_with("sha256-");
}

Result<json::Value> render_row(store::Store& store, const store::AddedVersion& added) {
    TRY_ASSIGN(json::Object row, render_environment_row(store, added.version));
    row.emplace("is_new", added.is_new);
    return json::Value(std::move(row));
}

/// The same version in another workspace: nothing but a row is written.
Result<store::AddedVersion> add_followed(
    Services& services, const store::EnvironmentVersion& curated, const std::string& workspace
) {
    store::Environments environments = services.store.environments();
    TRY(refuse_name_of_own(environments, workspace, curated.name));
    store::EnvironmentVersion version = curated;
    version.workspace = workspace;
    version.origin =
        fmt::format("{} {}{}", k_curated_origin, k_followed_workspace, curated.workspace);
    constexpr auto k_replaced = store::Environments::Words::replaced;
    TRY_ASSIGN(store::AddedVersion added, environments.add(version, {}, k_replaced));
    TRY(follow_notes(environments, added, version.notes));
    return added;
}

/// The references that a source stands for.
awaitable<Result<std::vector<std::string>>> list_source(
    Services& services, const std::shared_ptr<Job>& job, const CurateOrder& order
) {
    const auto reference = oci::Reference::parse(order.source);
    if (!reference) {
        co_return fail(reference.error());
    }
    if (reference->tag() || reference->digest()) {
        co_return std::vector<std::string>{order.source};
    }
    registry::Client client(services.loop, services.pool, client_options(services));
    auto repository = co_await stoppable(
        services.loop,
        job->stop_token(),
        client.open(*reference, credentials_for(order.credentials, *reference))
    );
    if (!repository) {
        co_return fail(std::move(repository).error());
    }
    auto tags = co_await stoppable(services.loop, job->stop_token(), (*repository)->all_tags());
    if (!tags) {
        co_return fail(std::move(tags).error().with_trail("listing " + order.source));
    }
    std::vector<std::string> references;
    for (const std::string& tag : *tags) {
        if (!is_referrers_tag(tag)) {
            references.push_back(reference->name() + ":" + tag);
        }
    }
    co_return references;
}

struct Curated {
    json::Array rows;
    json::Array passed_over;
};

Result<ResultEvent> result_of(const CurateOrder& order, Curated curated) {
    if (curated.rows.empty()) {
        return fail(Error{
            .code = Code::not_found,
            .message = fmt::format("{} holds no environment", order.source),
            .hint = "kiln env share NAME REF puts one there"});
    }
    ResultEvent result;
    result.report = json::Object{
        {"environments", std::move(curated.rows)}, {"passed_over", std::move(curated.passed_over)}};
    return result;
}

Result<ResultEvent> take_followed(Services& services, const CurateOrder& order) {
    const std::string from = order.source.substr(k_followed_workspace.size());
    TRY_ASSIGN(const auto versions, follow_workspace(services, order.workspace, from));
    Curated curated;
    for (const store::AddedVersion& added : versions) {
        TRY_ASSIGN(json::Value row, render_row(services.store, added));
        curated.rows.push_back(std::move(row));
    }
    return result_of(order, std::move(curated));
}

}  // namespace

awaitable<Result<ResultEvent>> curate_environments(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const CurateOrder> order
) {
    if (order->source.starts_with(k_followed_workspace)) {
        auto take = [&services, order] { return take_followed(services, *order); };
        co_return co_await run_on(services.pool, std::move(take));
    }
    const auto references = co_await list_source(services, job, *order);
    if (!references) {
        co_return fail(references.error());
    }
    Curated curated;
    for (const std::string& reference : *references) {
        ImportOrder import{.workspace = order->workspace, .reference = reference};
        import.curated_from = order->source;
        import.author = order->author;
        import.credentials = order->credentials;
        const auto shared = std::make_shared<const ImportOrder>(std::move(import));
        const auto taken = co_await take_shared(services, job, shared);
        const bool is_none = !taken && taken.error().code == Code::not_found;
        if (is_none && references->size() > 1) {
            json::Object passed{{"reference", reference}, {"reason", taken.error().message}};
            curated.passed_over.emplace_back(std::move(passed));
            continue;
        }
        if (!taken) {
            co_return fail(Error(taken.error()).with_trail("taking in " + reference));
        }
        auto render = [&] { return render_row(services.store, taken->added); };
        auto row = co_await run_on(services.pool, std::move(render));
        if (!row) {
            co_return fail(std::move(row).error());
        }
        curated.rows.push_back(std::move(*row));
    }
    co_return result_of(*order, std::move(curated));
}

Result<void> hand_on(Services& services, const store::EnvironmentVersion& curated) {
    for (const auto& [name, settings] : services.workspaces) {
        if (followed_by(settings) != curated.workspace) {
            continue;
        }
        const auto added = add_followed(services, curated, name);
        if (!added && added.error().code != Code::conflict) {
            return fail(added.error());
        }
        if (!added) {
            services.log.warning("not_followed", {{"error", added.error().render()}});
            continue;
        }
        TRY(hand_on(services, added->version));
    }
    return {};
}

Result<std::vector<store::AddedVersion>> follow_workspace(
    Services& services, const std::string& workspace, const std::string& from
) {
    const store::Environments environments = services.store.environments();
    TRY_ASSIGN(const auto latest, environments.latest(from, true));
    std::vector<store::AddedVersion> all;
    for (const store::EnvironmentVersion& each : latest) {
        if (!is_curated(each)) {
            continue;
        }
        TRY_ASSIGN(auto versions, environments.history(from, each.name));
        std::reverse(versions.begin(), versions.end());  // numbered as they came
        for (const store::EnvironmentVersion& version : versions) {
            TRY_ASSIGN(store::AddedVersion added, add_followed(services, version, workspace));
            TRY(hand_on(services, added.version));
            if (version.number == each.number) {
                all.push_back(std::move(added));
            }
        }
    }
    return all;
}

void catch_up_with_followed(Services& services) {
    for (const auto& [name, settings] : services.workspaces) {
        const std::string from(followed_by(settings));
        if (from.empty()) {
            continue;
        }
        if (const auto done = follow_workspace(services, name, from); !done) {
            services.log.warning("not_followed", {{"error", done.error().render()}});
        }
    }
}

}  // namespace kiln::daemon
