#include "daemon/environments/sharing.hpp"

#include "daemon/build/context_packs.hpp"
#include "daemon/build/push.hpp"
#include "daemon/build/sbom.hpp"
#include "daemon/environments/artifact.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/creation.hpp"
#include "daemon/environments/curation.hpp"
#include "daemon/environments/listing.hpp"
#include "daemon/environments/remote.hpp"
#include "daemon/environments/texts.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/run_on.hpp"
#include "store/base/limits.hpp"

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

Result<PushOrder> plan_share(
    Services& services,
    const std::shared_ptr<Job>& job,
    const store::Lease& lease,
    const ShareOrder& order
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
    const auto attached = attach_sbom(services.store, lease, image->image, SbomFormat::spdx);
    if (!attached) {  // a base of others may hold what cannot be read
        const std::string& why = attached.error().message;
        Job::post(job, WarningEvent{"it is shared without a bill of materials: " + why});
    }
    PushOrder push{.source = image->image, .destination = order.destination};
    push.credentials = order.credentials;
    TRY_ASSIGN(
        push.referrers.emplace_back(),
        keep_environment_artifact(services.store, lease, version, image->image)
    );
    TRY_ASSIGN(const auto texts, read_environment_texts(services.store.environments(), version));
    const auto& docker = texts.inputs.docker;
    TRY_ASSIGN(
        const bool is_whole,
        docker ? services.store.index().has_context(docker->context) : Result<bool>(false)
    );
    if (is_whole) {
        TRY_ASSIGN(
            push.referrers.emplace_back(),
            keep_context_artifact(services.store, lease, docker->context, image->image)
        );
    }
    return push;
}

/// The environment that is attached to the image; the first where there are several.
Result<SharedEnvironment> find_shared(
    store::Store& store, const Pulled& pulled, const std::string& reference
) {
    for (const store::Referrer& referrer : pulled.referrers) {
        if (referrer.artifact_type == k_environment_artifact) {
            TRY_ASSIGN(const Artifact artifact, read_artifact(store, referrer));
            return read_shared_environment(artifact, reference);
        }
    }
    return fail(Error{
        .code = Code::not_found,
        .message = fmt::format("{} is an image without an environment", reference),
        .hint = "kiln env share attaches one; kiln pull takes the image alone"});
}

/// What a build of it needs, as far as it came along or is here anyway.
Result<std::vector<Digest>> take_parts(
    store::Store& store,
    const store::Lease& lease,
    const Pulled& pulled,
    const EnvironmentInputs& inputs
) {
    for (const store::Referrer& referrer : pulled.referrers) {
        if (inputs.docker && referrer.artifact_type == k_context_artifact) {
            TRY_ASSIGN(
                const Bytes text,
                store::read_blob(store.blobs(), referrer.manifest.digest, limits::k_document_bytes)
            );
            TRY_ASSIGN(const auto manifest, oci::Manifest::parse(text));
            TRY(take_context(store, lease, manifest));
        }
    }
    TRY_ASSIGN(KeptParts parts, find_parts(store, inputs));
    return std::move(parts.keeps);
}

Result<TakenEnvironment> take_in(
    Services& services, const ImportOrder& order, const Pulled& pulled, const store::Lease& lease
) {
    TRY_ASSIGN(const auto shared, find_shared(services.store, pulled, order.reference));
    // The text may bear another name than the one it is shared under, which is checked later.
    TRY_ASSIGN(
        ResolvedEnvironment resolved,
        resolve_shared_environment(shared, DefinitionRules::Reserved::allowed, order.reference)
    );
    TRY_ASSIGN(resolved.keeps, take_parts(services.store, lease, pulled, resolved.inputs));
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
    auto plan = [&] { return plan_share(services, job, lease, *order); };
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
    auto take = [&] { return take_in(services, *order, *pulled, lease); };
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
