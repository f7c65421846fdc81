#include "daemon/environments/sharing.hpp"

#include "daemon/build/artifact.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/push.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/curation.hpp"
#include "daemon/environments/identity.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/remote.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/run_on.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

constexpr std::string_view k_inputs_type = "application/vnd.kiln.environment.inputs.v1+json";
constexpr std::string_view k_notes_type = "application/vnd.kiln.environment.notes.v1+json";
constexpr std::string_view k_name_annotation = "kiln.environment.name";
constexpr std::string_view k_version_annotation = "kiln.environment.version";
constexpr std::string_view k_hash_annotation = "kiln.environment.hash";

Result<PushOrder> plan_share(
    Services& services, const store::Lease& lease, const ShareOrder& order
) {
    const store::EnvironmentVersion& version = order.version;
    TRY_ASSIGN(const auto image, find_environment_image(services.store, version.hash));
    if (!image) {
        return fail(Error{
            .code = Code::conflict,
            .message =
                fmt::format("{} is not built, so there is nothing to share", reference_of(version)),
            .hint = fmt::format("kiln env build {}", reference_of(version))});
    }
    lease.keep(image->image);
    Artifact artifact{.artifact_type = std::string(k_environment_artifact), .documents = {}};
    TRY_ASSIGN(std::string inputs, services.store.environments().document(version.inputs));
    artifact.documents.push_back(
        {.media_type = std::string(k_inputs_type), .text = std::move(inputs)}
    );
    artifact.documents.push_back({.media_type = std::string(k_notes_type), .text = version.notes});
    artifact.annotations.emplace(k_name_annotation, version.name);
    artifact.annotations.emplace(k_version_annotation, version.version);
    artifact.annotations.emplace(k_hash_annotation, version.hash.render());
    PushOrder push{.source = image->image, .destination = order.destination};
    push.credentials = order.credentials;
    TRY_ASSIGN(
        push.referrers.emplace_back(), keep_artifact(services.store, lease, artifact, image->image)
    );
    return push;
}

/// What an artifact tells of an environment.
struct Shared {
    std::string name;
    std::string version;
    Digest hash;
    std::string inputs;
    std::string notes;
};

Result<Shared> read_shared(const Artifact& artifact, const std::string& reference) {
    Shared shared;
    const auto annotation = [&](std::string_view key) {
        const auto found = artifact.annotations.find(std::string(key));
        return found == artifact.annotations.end() ? std::string() : found->second;
    };
    shared.name = annotation(k_name_annotation);
    shared.version = annotation(k_version_annotation);
    TRY_ASSIGN(
        shared.hash, Digest::parse(annotation(k_hash_annotation)), "while reading {}", reference
    );
    for (const ArtifactDocument& document : artifact.documents) {
        if (document.media_type == k_inputs_type) {
            shared.inputs = document.text;
        } else if (document.media_type == k_notes_type) {
            shared.notes = document.text;
        }
    }
    return shared;
}

/// The environment that is attached to the image; the first where there are several.
Result<Shared> find_shared(
    store::Store& store, const Pulled& pulled, const std::string& reference
) {
    for (const store::Referrer& referrer : pulled.referrers) {
        if (referrer.artifact_type == k_environment_artifact) {
            TRY_ASSIGN(const Artifact artifact, read_artifact(store, referrer));
            return read_shared(artifact, reference);
        }
    }
    return fail(Error{
        .code = Code::not_found,
        .message = fmt::format("{} is an image without an environment", reference),
        .hint = "kiln env share attaches one; kiln pull takes the image alone"});
}

/// The definition, checked against the hash that it came with.
Result<ResolvedEnvironment> resolve_shared(const Shared& shared, const std::string& reference) {
    ResolvedEnvironment environment;
    TRY_ASSIGN(environment.inputs, EnvironmentInputs::parse(shared.inputs));
    const DefinitionRules rules{
        // The text may bear another name than the one it is shared under, which is checked later.
        DefinitionRules::Name::optional,
        DefinitionRules::Reserved::allowed};
    const NamedText& text = environment.inputs.definition;
    TRY_ASSIGN(environment.definition, parse_definition(text.text, text.name, rules));
    TRY_ASSIGN(environment.record, identify(environment.definition, environment.inputs));
    if (environment.record.hash != shared.hash) {
        return fail(
            Code::digest_mismatch,
            "{} says that it is {}, but its definition is {}",
            reference,
            shared.hash.render(),
            environment.record.hash.render()
        );
    }
    TRY_ASSIGN(const EnvironmentNotes notes, EnvironmentNotes::parse(shared.notes));
    environment.definition.description = notes.description;
    environment.definition.tags = notes.tags;
    environment.definition.properties = notes.properties;
    if (!shared.name.empty()) {
        environment.definition.name = conda::Written{shared.name, {}};
        environment.definition.version = conda::Written{shared.version, {}};
    }
    return environment;
}

Result<TakenEnvironment> take_in(
    Services& services, const ImportOrder& order, const Pulled& pulled
) {
    TRY_ASSIGN(const Shared shared, find_shared(services.store, pulled, order.reference));
    TRY_ASSIGN(const ResolvedEnvironment resolved, resolve_shared(shared, order.reference));
    TRY(adopt_pulled_image(services, shared.hash, order.reference, pulled));
    const Addition addition{
        .workspace = order.workspace,
        .curated_from = order.curated_from,
        .author = order.author,
        .now = services.clock.now(),
        .is_anonymous = shared.name.empty()};
    const WorkspaceSettings& workspace = settings_of(services.workspaces, order.workspace);
    TRY_ASSIGN(auto added, add_environment(services.store, resolved, addition, workspace));
    if (!order.curated_from.empty()) {
        TRY(hand_on(services, added.version));
    }
    return TakenEnvironment{std::move(added), pulled.manifest.digest};
}

}  // namespace

awaitable<Result<ResultEvent>> share_environment(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const ShareOrder> order
) {
    const store::Lease lease = services.store.lease();
    auto plan = [&] { return plan_share(services, lease, *order); };
    auto push = co_await run_on(services.pool, std::move(plan));
    if (!push) {
        co_return fail(std::move(push).error());
    }
    const auto pushed = co_await push_image(services, std::move(job), std::move(*push));
    if (!pushed) {
        co_return fail(pushed.error());
    }
    ResultEvent result;
    result.image = pushed->digest;
    co_return result;
}

awaitable<Result<TakenEnvironment>> take_shared(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const ImportOrder> order
) {
    const store::Lease lease = services.store.lease();
    PullOrder pull{.reference = order->reference};
    pull.credentials = order->credentials;
    pull.referrers = {"*"};
    const auto pulled = co_await pull_image(services, std::move(job), std::move(pull), lease);
    if (!pulled) {
        co_return fail(pulled.error());
    }
    auto take = [&] { return take_in(services, *order, *pulled); };
    co_return co_await run_on(services.pool, std::move(take));
}

awaitable<Result<ResultEvent>> import_environment(
    Services& services, std::shared_ptr<Job> job, std::shared_ptr<const ImportOrder> order
) {
    const auto taken = co_await take_shared(services, std::move(job), order);
    if (!taken) {
        co_return fail(taken.error());
    }
    auto render = [&] { return render_environment_row(services.store, taken->added.version); };
    auto row = co_await run_on(services.pool, std::move(render));
    if (!row) {
        co_return fail(std::move(row).error());
    }
    ResultEvent result;
    result.image = taken->image;
    result.report = std::move(*row);
    co_return result;
}

}  // namespace kiln::daemon
