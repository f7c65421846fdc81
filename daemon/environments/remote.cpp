#include "daemon/environments/remote.hpp"

#include "daemon/build/artifact.hpp"
#include "daemon/build/images.hpp"
#include "daemon/build/push.hpp"
#include "daemon/environments/build.hpp"
#include "daemon/environments/build_request.hpp"
#include "daemon/environments/canonical.hpp"
#include "daemon/environments/view.hpp"
#include "daemon/runtime/run_on.hpp"
#include "store/hasher.hpp"

namespace kiln::daemon {
namespace {

/// What its own labels say of an image. An image that stands alone has none: it is its own lock.
Result<Digest> lock_hash_of(const Image& image, const Digest& hash, const std::string& reference) {
    const auto& labels = image.config.config.labels;
    const auto of = labels.find(std::string(k_hash_label));
    if (of == labels.end()) {
        return lock_hash(hash, conda::Lock(), {});
    }
    if (of->second != hash.render()) {
        return fail(
            Code::digest_mismatch,
            "{} holds an image of {}, not of {}",
            reference,
            of->second,
            hash.render()
        );
    }
    const auto lock = labels.find(std::string(k_lock_label));
    if (lock == labels.end()) {
        return fail(Code::corrupt, "{} has no label {}", reference, k_lock_label);
    }
    return Digest::parse(lock->second);
}

}  // namespace

std::string remote_environment_name(const WorkspaceSettings& workspace, const Digest& hash) {
    return workspace.registry.empty() ? std::string()
                                      : workspace.registry + "/" + environment_image_name(hash);
}

Result<store::Referrer> keep_lock(
    store::Store& store,
    const store::Lease& lease,
    const Descriptor& image,
    const store::EnvironmentDocument& lock
) {
    Artifact artifact{.artifact_type = std::string(k_lock_artifact), .documents = {}};
    artifact.documents.push_back({.media_type = std::string(k_lock_artifact), .text = lock.text});
    return keep_artifact(store, lease, artifact, image);
}

Result<std::optional<store::EnvironmentDocument>> attached_lock(
    store::Store& store, const Digest& image
) {
    TRY_ASSIGN(const auto referrers, store.index().find_referrers(image));
    for (const store::Referrer& referrer : referrers) {
        if (referrer.artifact_type != k_lock_artifact) {
            continue;
        }
        TRY_ASSIGN(Artifact artifact, read_artifact(store, referrer));
        if (!artifact.documents.empty()) {
            std::string& text = artifact.documents.front().text;
            const Digest digest = digest_of(text);
            return std::optional(store::EnvironmentDocument{digest, std::move(text)});
        }
    }
    return std::optional<store::EnvironmentDocument>();
}

Result<Digest> adopt_pulled_image(
    Services& services, const Digest& hash, const std::string& reference, const Pulled& pulled
) {
    TRY_ASSIGN(const Image image, load_image(services.store, pulled.manifest));
    store::EnvironmentImage adopted{
        .hash = hash, .image = pulled.manifest, .created = services.clock.now()};
    TRY_ASSIGN(adopted.lock_hash, lock_hash_of(image, hash, reference));
    TRY_ASSIGN(const auto lock, attached_lock(services.store, pulled.manifest.digest));
    TRY(adopt_environment_image(services.store, adopted, lock));
    return pulled.manifest.digest;
}

boost::asio::awaitable<Result<ResultEvent>> take_remote_environment(
    Services& services,
    std::shared_ptr<Job> job,
    Digest hash,
    std::string reference,
    CredentialsByHost credentials
) {
    const store::Lease lease = services.store.lease();
    PullOrder order{.reference = reference};
    order.names = {environment_image_name(hash)};
    order.credentials = std::move(credentials);
    order.referrers = {"*"};
    const auto pulled = co_await pull_image(services, std::move(job), std::move(order), lease);
    if (!pulled) {
        co_return fail(pulled.error());
    }
    auto adopt = [&] { return adopt_pulled_image(services, hash, reference, *pulled); };
    const auto image = co_await run_on(services.pool, std::move(adopt));
    if (!image) {
        co_return fail(image.error());
    }
    ResultEvent result;
    result.image = *image;
    result.config = pulled->config.digest;
    co_return result;
}

boost::asio::awaitable<Result<void>> push_environment_image(
    Services& services,
    std::shared_ptr<Job> job,
    std::shared_ptr<const EnvironmentBuildOrder> order,
    Descriptor image
) {
    if (order->push_to.empty()) {
        co_return Result<void>();
    }
    PushOrder push{.source = std::move(image), .destination = order->push_to};
    push.credentials = order->credentials;
    const auto pushed = co_await push_image(services, std::move(job), std::move(push));
    if (!pushed) {
        Error error = pushed.error();
        if (error.hint.empty()) {
            error.hint = fmt::format(
                "it is built; kiln env build {} --push sends it again", reference_of(order->version)
            );
        }
        co_return fail(std::move(error));
    }
    co_return Result<void>();
}

}  // namespace kiln::daemon
