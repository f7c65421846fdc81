#include "daemon/api/resources.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/canonical.hpp"
#include "daemon/environments/refresh.hpp"
#include "daemon/environments/remote.hpp"
#include "daemon/environments/request.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

using json::Object;
using json::Value;

/// "name" and "version" of an environment, or what an anonymous one is known by, its hash.
struct BuildWish {
    std::string workspace;
    std::string reference;
    bool push = false;
    bool pull = false;  // what is in the workspace's registry only
    EnvironmentBuildOrder order;
};

Result<BuildWish> parse_wish(const Value& value) {
    json::ObjectReader in(value, "the build of an environment");
    BuildWish wish;
    wish.workspace = in.text_or("workspace", k_default_workspace);
    wish.reference = in.text("environment");
    wish.order.rebuild = in.boolean_or("rebuild", false);
    wish.push = in.boolean_or("push", false);
    wish.pull = in.boolean_or("pull", false);
    if (const Value* lock = in.find("lock")) {
        json::ObjectReader text(*lock, "the lock of an environment");
        wish.order.lock = NamedText{text.text("name"), text.text("text")};
        TRY(text.finish(json::UnknownFields::refuse));
    }
    for (const auto& [as_written, text] : in.text_map_or_empty("files")) {
        TRY_ASSIGN(wish.order.files[as_written], Digest::parse(text));
    }
    TRY_ASSIGN(wish.order.credentials, parse_credentials(in.find("credentials")));
    TRY(in.finish(json::UnknownFields::refuse));
    return wish;
}

Result<void> settle_registry(BuildWish& wish, const WorkspaceSettings& workspace) {
    wish.order.push_to = remote_environment_name(workspace, wish.order.version.hash);
    if (wish.push && wish.order.push_to.empty()) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("the workspace {} has no registry to push to", wish.workspace),
            .hint = fmt::format(
                "kilnd.toml names one: [workspaces.{}] registry = \"HOST/PREFIX\"", wish.workspace
            )});
    }
    return {};
}

/// The answer that every stage of a build has: what is there, or what is lacking, or the job.
Object render_answer(const EnvironmentBuildPlan& plan) {
    const auto& known = plan.known;
    return Object{
        {"id", nullptr},
        {"image", known ? Value(known->image.digest.render()) : Value(nullptr)},
        {"lock_hash", known ? Value(known->lock_hash.render()) : Value(nullptr)},
        {"remote", nullptr},
        {"unresolved", render_unresolved(plan.unresolved)},
        {"lock", nullptr},
        {"needs", json::Array()},
        {"files", json::Array()}};
}

Result<EnvironmentBuildPlan> look(Services& services, BuildWish& wish) {
    TRY_ASSIGN(
        wish.order.version, find_environment(services.store, wish.workspace, wish.reference)
    );
    TRY(settle_registry(wish, settings_of(services.workspaces, wish.workspace)));
    return plan_environment_build(services, wish.order);
}

/// What another daemon built for this hash and pushed: one request tells.
Awaitable<std::optional<Descriptor>> find_remote(
    Exchange& exchange, Services& services, const BuildWish& wish
) {
    if (wish.order.push_to.empty() || wish.order.rebuild || wish.order.lock) {
        co_return std::nullopt;
    }
    std::stop_source stop;
    exchange.watch_client([stop]() mutable { stop.request_stop(); });
    auto found = co_await look_up_remote(
        services, stop.get_token(), wish.order.push_to, wish.order.credentials
    );
    if (!found) {
        // A registry that is out of reach is no reason not to build.
        services.log.warning("registry_not_asked", {{"error", found.error().render()}});
        co_return std::nullopt;
    }
    co_return std::move(*found);
}

/// The image that only the registry has: told of, or brought here when that is wanted.
Awaitable<Result<void>> respond_remote(
    Exchange& exchange,
    Services& services,
    BuildTable& builds,
    const BuildWish& wish,
    const Descriptor& remote,
    Object answer
) {
    if (!wish.pull) {
        answer["image"] = remote.digest.render();
        answer["remote"] = wish.order.push_to;
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    BuildTable::Work take = [&services, order = wish.order](std::shared_ptr<Job> job) {
        return take_remote_environment(
            services, std::move(job), order.version.hash, order.push_to, order.credentials
        );
    };
    co_return co_await respond_job(
        exchange, builds, "env " + wish.reference, std::move(take), std::move(answer)
    );
}

/// An image that is here, and is to be in the registry, too: whoever built it may have been cut off
/// before, or had no credentials.
Awaitable<Result<void>> respond_push(
    Exchange& exchange,
    Services& services,
    BuildTable& builds,
    const BuildWish& wish,
    const Descriptor& image,
    Object answer
) {
    const auto order = std::make_shared<const EnvironmentBuildOrder>(wish.order);
    BuildTable::Work push = [&services, order, image](std::shared_ptr<Job> job
                            ) -> Awaitable<Result<ResultEvent>> {
        const auto pushed = co_await push_environment_image(services, job, order, image);
        if (!pushed) {
            co_return fail(pushed.error());
        }
        ResultEvent result;
        result.image = image.digest;
        co_return result;
    };
    answer["image"] = nullptr;
    co_return co_await respond_job(
        exchange, builds, "env " + wish.reference, std::move(push), std::move(answer)
    );
}

Awaitable<Result<void>> post_build(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto wish = parse_wish(*body);
    if (!wish) {
        co_return fail(std::move(wish).error());
    }
    auto plan_it = [&services, &wish] { return look(services, *wish); };
    const auto plan = co_await run_on(services.pool, std::move(plan_it));
    if (!plan) {
        co_return fail(plan.error());
    }
    Object answer = render_answer(*plan);
    if (plan->known && wish->push) {
        co_return co_await respond_push(
            exchange, services, builds, *wish, plan->known->image, std::move(answer)
        );
    }
    if (plan->known) {
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    if (const auto remote = co_await find_remote(exchange, services, *wish)) {
        co_return co_await respond_remote(
            exchange, services, builds, *wish, *remote, std::move(answer)
        );
    }
    if (plan->unresolved) {
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    auto needs = co_await builds.needs(*plan->request);
    if (!needs) {
        co_return fail(std::move(needs).error());
    }
    if (!needs->empty()) {
        Object lacking = render_needs(needs->lacking, needs->files, {}, {});
        answer["needs"] = lacking["needs"];
        answer["files"] = lacking["files"];
        answer["lock"] = plan->lock ? Value(plan->lock->text) : Value(nullptr);
        co_return co_await exchange.respond_json(200, std::move(answer));
    }
    const auto order = std::make_shared<const EnvironmentBuildOrder>(wish->order);
    BuildTable::Work work = [&services, &builds, order, plan = *plan, lent = needs->lent](
                                std::shared_ptr<Job> job
                            ) -> Awaitable<Result<ResultEvent>> {
        return build_environment_image(services, builds, std::move(job), order, plan, lent);
    };
    co_return co_await respond_job(
        exchange, builds, wish->reference, std::move(work), std::move(answer)
    );
}

Result<RefreshOrder> parse_refresh(const Value& value) {
    json::ObjectReader in(value, "the refresh");
    RefreshOrder order;
    order.workspace = in.text_or("workspace", k_default_workspace);
    order.names = in.texts_or_empty("names");
    if (const auto pull = in.optional_text("pull")) {
        TRY_ASSIGN(order.pull, parse_pull_policy(*pull));
    }
    order.dry_run = in.boolean_or("dry_run", false);
    for (auto& [name, text] : in.text_map_or_empty("locks")) {
        order.locks.emplace(name, NamedText{"the lock of " + name, std::move(text)});
    }
    TRY_ASSIGN(order.credentials, parse_credentials(in.find("credentials")));
    TRY(in.finish(json::UnknownFields::refuse));
    return order;
}

Awaitable<Result<void>> post_refresh(Exchange& exchange, Services& services, BuildTable& builds) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = parse_refresh(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    parsed->author = exchange.peer().uid;
    const auto order = std::make_shared<const RefreshOrder>(std::move(*parsed));
    BuildTable::Work work = [&services, &builds, order](std::shared_ptr<Job> job
                            ) -> Awaitable<Result<ResultEvent>> {
        auto rows = co_await refresh_environments(services, builds, std::move(job), order);
        if (!rows) {
            co_return fail(std::move(rows).error());
        }
        ResultEvent result;
        result.report = render_refreshed(*rows);
        co_return result;
    };
    co_return co_await respond_job_events(exchange, builds, "env refresh", std::move(work));
}

Awaitable<Result<void>> get_bases(Exchange& exchange, Services& services) {
    const std::string workspace =
        exchange.target().first("workspace").value_or(std::string(k_default_workspace));
    auto list = [&services, workspace] { return render_bases(services, workspace); };
    auto bases = co_await run_on(services.pool, std::move(list));
    if (!bases) {
        co_return fail(std::move(bases).error());
    }
    co_return co_await exchange.respond_json(200, std::move(*bases));
}

}  // namespace

void add_environment_build_routes(Router& router, Services& services, BuildTable& builds) {
    router.add(
        "POST",
        "/v1/environment-builds",
        [&services, &builds](Exchange& exchange, Parameters) {
            return post_build(exchange, services, builds);
        }
    );
    router.add("GET", "/v1/environment-bases", [&services](Exchange& exchange, Parameters) {
        return get_bases(exchange, services);
    });
    router.add(
        "POST",
        "/v1/environment-refreshes",
        [&services, &builds](Exchange& exchange, Parameters) {
            return post_refresh(exchange, services, builds);
        }
    );
}

}  // namespace kiln::daemon
