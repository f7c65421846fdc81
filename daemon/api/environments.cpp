#include "daemon/api/problem.hpp"
#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "daemon/build/context_packs.hpp"
#include "daemon/build/images.hpp"
#include "daemon/environments/comparison.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/curation.hpp"
#include "daemon/environments/editing.hpp"
#include "daemon/environments/exporting.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/naming.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

using json::Object;
using json::Value;

std::string workspace_of(const Exchange& exchange) {
    return exchange.target().first("workspace").value_or(std::string(k_default_workspace));
}

std::string_view role_name(NamedFile::Role role) {
    switch (role) {
        case NamedFile::Role::conda_file:
            return "conda_file";
        case NamedFile::Role::lock:
            return "lock";
        case NamedFile::Role::build_context:
            return "context";
        case NamedFile::Role::dockerfile:
            return "dockerfile";
    }
    return "";
}

/// What creating came to: an environment, or what it lacks.
struct Created {
    std::vector<NamedFile> lacking;
    std::vector<std::string> pulls;  // bases that are in a registry only
    bool lacks_context = false;      // some of its contents were lent to a build, not sent
    std::optional<store::AddedVersion> added;
};

Result<Object> render_created(store::Store& store, const Created& created) {
    json::Array wanted;
    for (const NamedFile& file : created.lacking) {
        wanted.push_back(Object{
            {"role", role_name(file.role)},
            {"path", file.path.text},
            {"where", render_span(file.path.span)}});
    }
    Value environment = nullptr;
    if (created.added) {
        TRY_ASSIGN(environment, render_environment_row(store, created.added->version));
    }
    return Object{
        {"needs", json::Array()},
        {"wanted", std::move(wanted)},
        {"pulls", json::from_texts(created.pulls)},
        {"environment", std::move(environment)},
        {"is_new", created.added && created.added->is_new}};
}

Result<Created> create(Services& services, const EnvironmentRequest& request, const Peer& peer) {
    store::Store& store = services.store;
    TRY_ASSIGN(
        const EnvironmentDefinition definition,
        parse_definition(request.definition.text, request.definition.name, request.rules())
    );
    TRY(refuse_password(definition));
    Created created;
    created.lacking = files_lacking(request, definition);
    if (!created.lacking.empty()) {
        return created;
    }
    const WorkspaceSettings& workspace = settings_of(services.workspaces, request.workspace);
    const store::Lease lease = store.lease();
    const BuildRequest as_is;
    BaseResolver bases(store, as_is);
    auto found = resolve_environment(bases, lease, request, definition, workspace);
    created.pulls = bases.lacking();
    if (!created.pulls.empty()) {
        return created;
    }
    TRY_ASSIGN(const ResolvedEnvironment resolved, std::move(found));
    TRY(refuse_archived_bases(store.environments(), resolved));
    TRY(check_specification(resolved, services.conda));
    if (request.context) {
        // The version keeps it from now on; a build may come only much later.
        auto recorded = record_context(store, lease, *request.context);
        created.lacks_context = !recorded && recorded.error().code == Code::not_found;
        if (created.lacks_context) {
            return created;
        }
        TRY(recorded);
    }
    const Addition addition{
        .workspace = request.workspace,
        .curated_from = request.curated_from,
        .author = peer.uid,
        .now = services.clock.now(),
        .is_anonymous = request.is_anonymous || !definition.name,
        .words = store::Environments::Words::replaced};
    TRY_ASSIGN(created.added, add_environment(store, resolved, addition, workspace));
    if (!request.curated_from.empty()) {
        TRY(hand_on(services, created.added->version));
    }
    return created;
}

Awaitable<Result<void>> post_environment(
    Exchange& exchange, Services& services, ContextTable& contexts
) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    auto parsed = EnvironmentRequest::parse(*body);
    if (!parsed) {
        co_return fail(std::move(parsed).error());
    }
    const EnvironmentRequest& request = *parsed;
    if (request.context) {
        const auto there = co_await contexts.has(*request.context);
        if (!there) {
            co_return fail(there.error());
        }
        if (!*there) {
            auto lacking = render_created(services.store, Created());
            (*lacking)["needs"] = json::Array{Value(request.context->render())};
            co_return co_await exchange.respond_json(200, std::move(*lacking));
        }
    }
    const Peer peer = exchange.peer();
    auto make = [&services, &request, peer]() -> Result<Object> {
        TRY_ASSIGN(const Created created, create(services, request, peer));
        TRY_ASSIGN(Object answer, render_created(services.store, created));
        if (created.lacks_context) {
            answer["needs"] = json::Array{Value(request.context->render())};
        }
        return answer;
    };
    auto answer = co_await run_on(services.pool, std::move(make));
    if (!answer) {
        co_return fail(std::move(answer).error());
    }
    const int status = answer->at("is_new").as_bool() ? 201 : 200;
    co_return co_await exchange.respond_json(status, std::move(*answer));
}

Result<Value> copy(
    Services& services,
    const store::EnvironmentVersion& from,
    const EnvironmentReference& to,
    const Peer& peer
) {
    store::Environments environments = services.store.environments();
    TRY(refuse_reserved_name(to.name));
    TRY_ASSIGN(const auto there, environments.find(from.workspace, to.name, ""));
    if (there) {
        TRY(refuse_curated(*there));
    }
    store::EnvironmentVersion version = from;
    version.name = to.name;
    version.version = to.version;
    version.origin = k_custom_origin;
    version.author = peer.uid;
    version.created = services.clock.now();
    version.archived = false;
    TRY_ASSIGN(const auto added, environments.add(version, {}));
    return render_environment_row(services.store, added.version);
}

Awaitable<Result<void>> post_copy(
    Exchange& exchange, Services& services, std::string name, std::string version
) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    json::ObjectReader in(*body, "the copy of an environment");
    const std::string to = in.text("to");
    const auto finished = in.finish(json::UnknownFields::refuse);
    if (!finished) {
        co_return finished;
    }
    const std::string workspace = workspace_of(exchange);
    const Peer peer = exchange.peer();
    auto work = [&services, workspace, name, version, to, peer]() -> Result<Value> {
        TRY_ASSIGN(const EnvironmentReference target, EnvironmentReference::parse(to));
        TRY_ASSIGN(const auto from, find_environment(services.store, workspace, name, version));
        return copy(services, from, target, peer);
    };
    auto answer = co_await run_on(services.pool, std::move(work));
    if (!answer) {
        co_return fail(std::move(answer).error());
    }
    co_return co_await exchange.respond_json(201, std::move(*answer));
}

Awaitable<Result<void>> patch_environment(
    Exchange& exchange, Services& services, std::string name, std::optional<std::string> version
) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto edit = EnvironmentEdit::parse(*body);
    if (!edit) {
        co_return fail(edit.error());
    }
    const std::string workspace = workspace_of(exchange);
    auto work = [&services, &edit, workspace, name, version]() -> Result<std::string> {
        if (!version) {
            return edit_all_versions(services.store, workspace, name, *edit);
        }
        TRY_ASSIGN(const auto found, find_environment(services.store, workspace, name, *version));
        return edit_version(services.store, found, *edit);
    };
    auto answer = co_await run_on(services.pool, std::move(work));
    if (!answer) {
        co_return fail(std::move(answer).error());
    }
    co_return co_await exchange.respond(200, "application/json", std::move(*answer));
}

/// A read-only question, answered by the pool: a value, or the text of one.
template<class Work>
Awaitable<Result<void>> answer(Exchange& exchange, Services& services, Work work) {
    auto answered = co_await run_on(services.pool, std::move(work));
    if (!answered) {
        co_return fail(std::move(answered).error());
    }
    if constexpr (std::is_same_v<decltype(answered), Result<std::string>>) {
        co_return co_await exchange.respond(200, "application/json", std::move(*answered));
    } else {
        co_return co_await exchange.respond_json(200, std::move(*answered));
    }
}

/// The environments that an image is, or that it was the image of.
Result<Value> which(store::Store& store, const std::string& image) {
    Digest digest;
    if (const auto given = Digest::parse(image)) {
        digest = *given;  // of an image that may be gone
    } else {
        TRY_ASSIGN(const store::Ref ref, find_image(store, image));
        digest = ref.target.digest;
    }
    TRY_ASSIGN(const auto images, store.environments().images_with_digest(digest));
    json::Array rows;
    for (const store::EnvironmentImage& built : images) {
        TRY_ASSIGN(const auto versions, store.environments().with_hash(built.hash));
        for (const store::EnvironmentVersion& version : versions) {
            TRY_ASSIGN(Object row, render_environment_row(store, version));
            rows.push_back(std::move(row));
        }
    }
    if (rows.empty()) {
        return fail(Code::not_found, "no environment has the image {}", image);
    }
    return Value(Object{{"environments", std::move(rows)}});
}

Result<Value> differences(store::Store& store, const std::string& workspace, const Target& target) {
    TRY_ASSIGN(
        const auto before, find_environment(store, workspace, target.first("before").value_or(""))
    );
    TRY_ASSIGN(
        const auto after, find_environment(store, workspace, target.first("after").value_or(""))
    );
    TRY_ASSIGN(const auto found, compare_environments(store, before, after));
    return Value(Object{
        {"before", reference_of(before)},
        {"after", reference_of(after)},
        {"differences", render_differences(found)}});
}

/// A version against a lock that is not kept.
struct LockComparison {
    std::string workspace;
    std::string environment;
    NamedText lock;

    static Result<LockComparison> parse(const Value& value) {
        json::ObjectReader in(value, "the comparison");
        LockComparison comparison;
        comparison.workspace = in.text_or("workspace", k_default_workspace);
        comparison.environment = in.text("environment");
        if (const Value* lock = in.find("lock")) {
            json::ObjectReader text(*lock, "the lock of the comparison");
            comparison.lock = NamedText{text.text("name"), text.text("text")};
            TRY(text.finish(json::UnknownFields::refuse));
        }
        TRY(in.finish(json::UnknownFields::refuse));
        return comparison;
    }
};

Awaitable<Result<void>> post_difference(Exchange& exchange, Services& services) {
    const auto body = co_await exchange.read_json();
    if (!body) {
        co_return fail(body.error());
    }
    const auto wanted = LockComparison::parse(*body);
    if (!wanted) {
        co_return fail(wanted.error());
    }
    auto compare = [&services, &wanted]() -> Result<Value> {
        TRY_ASSIGN(
            const auto version,
            find_environment(services.store, wanted->workspace, wanted->environment)
        );
        TRY_ASSIGN(const auto found, compare_lock(services.store, version, wanted->lock));
        return Value(Object{
            {"before", reference_of(version)},
            {"after", wanted->lock.name},
            {"differences", render_differences(found)}});
    };
    auto answered = co_await run_on(services.pool, std::move(compare));
    if (!answered) {
        co_return fail(std::move(answered).error());
    }
    co_return co_await exchange.respond_json(200, std::move(*answered));
}

Result<Value> render_workspace(const Workspaces& workspaces, const std::string& name) {
    TRY(check_workspace_name(name));
    const WorkspaceSettings& settings = settings_of(workspaces, name);
    const auto& limit = settings.environments_at_most;
    return Value(Object{
        {"name", name},
        {"registry", settings.registry.empty() ? Value(nullptr) : Value(settings.registry)},
        {"default_channels", json::from_texts(settings.default_channels)},
        {"curated_source",
         settings.curated_source.empty() ? Value(nullptr) : Value(settings.curated_source)},
        {"environments_at_most", limit ? Value(*limit) : Value(nullptr)}});
}

/// Questions that are not about one name.
void add_questions(Router& router, Services& services) {
    store::Store& store = services.store;
    router.add("GET", "/v1/workspaces/{name}", [&services](Exchange& exchange, Parameters of) {
        return answer(exchange, services, [&services, of] {
            return render_workspace(services.workspaces, of[0]);
        });
    });
    router.add(
        "GET",
        "/v1/environment-images/{name}",
        [&services, &store](Exchange& exchange, Parameters of) {
            return answer(exchange, services, [&store, of] { return which(store, of[0]); });
        }
    );
    router.add("POST", "/v1/environment-differences", [&services](Exchange& exchange, Parameters) {
        return post_difference(exchange, services);
    });
    router.add(
        "GET",
        "/v1/environment-differences",
        [&services, &store](Exchange& exchange, Parameters) {
            auto compare =
                [&store, workspace = workspace_of(exchange), target = exchange.target()] {
                    return differences(store, workspace, target);
                };
            return answer(exchange, services, std::move(compare));
        }
    );
    router.add(
        "GET",
        "/v1/environments/{name}/{version}/exports/{format}",
        [&services, &store](Exchange& exchange, Parameters of) {
            auto work = [&store, workspace = workspace_of(exchange), of]() -> Result<Value> {
                TRY_ASSIGN(const EnvironmentFormat format, parse_environment_format(of[2]));
                TRY_ASSIGN(const auto version, find_environment(store, workspace, of[0], of[1]));
                TRY_ASSIGN(std::string text, export_version(store, version, format));
                return Value(Object{{"text", std::move(text)}});
            };
            return answer(exchange, services, std::move(work));
        }
    );
}

}  // namespace

void add_environment_routes(Router& router, Services& services, ContextTable& contexts) {
    store::Store& store = services.store;
    add_questions(router, services);
    router.add("POST", "/v1/environments", [&services, &contexts](Exchange& exchange, Parameters) {
        return post_environment(exchange, services, contexts);
    });
    router.add("GET", "/v1/environments", [&services, &store](Exchange& exchange, Parameters) {
        const bool archived = exchange.target().first("archived") == "true";
        auto list = [&store, workspace = workspace_of(exchange), archived](ByteSink& out) {
            return write_environments(store, workspace, archived, out);
        };
        return respond_stream(exchange, services, "application/json", std::move(list));
    });
    router.add(
        "GET",
        "/v1/environments/{name}",
        [&services, &store](Exchange& exchange, Parameters of) {
            const bool archived = exchange.target().first("archived") != "false";
            auto list = [&store, workspace = workspace_of(exchange), of, archived](ByteSink& out) {
                return write_environment_history(store, workspace, of[0], archived, out);
            };
            return respond_stream(exchange, services, "application/json", std::move(list));
        }
    );
    router.add(
        "GET",
        "/v1/environments/{name}/{version}",
        [&services, &store](Exchange& exchange, Parameters of) {
            auto show = [&store, workspace = workspace_of(exchange), of]() -> Result<Value> {
                TRY_ASSIGN(const auto version, find_environment(store, workspace, of[0], of[1]));
                return render_environment(store, version);
            };
            return answer(exchange, services, std::move(show));
        }
    );
    router.add("PATCH", "/v1/environments/{name}", [&services](Exchange& exchange, Parameters of) {
        return patch_environment(exchange, services, of[0], std::nullopt);
    });
    router.add(
        "PATCH",
        "/v1/environments/{name}/{version}",
        [&services](Exchange& exchange, Parameters of) {
            return patch_environment(exchange, services, of[0], of[1]);
        }
    );
    router.add(
        "POST",
        "/v1/environments/{name}/{version}/copies",
        [&services](Exchange& exchange, Parameters of) {
            return post_copy(exchange, services, of[0], of[1]);
        }
    );
}

}  // namespace kiln::daemon
