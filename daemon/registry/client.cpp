#include "daemon/registry/client.hpp"

#include "daemon/registry/diagnostics.hpp"
#include "daemon/registry/referrers.hpp"
#include "daemon/runtime/signal.hpp"
#include "store/hasher.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <set>

namespace kiln::registry {
namespace {

namespace asio = boost::asio;

/// The name docker.io is an image's; its registry answers elsewhere.
constexpr std::string_view k_docker_hub = "docker.io";
constexpr std::string_view k_docker_hub_host = "registry-1.docker.io";

Url api_of(const HostPort& place, bool tls) {
    Url url;
    url.tls = tls;
    url.host = place.host == k_docker_hub ? std::string(k_docker_hub_host) : place.host;
    url.port = place.port != 0 ? place.port : static_cast<std::uint16_t>(tls ? 443 : 80);
    url.target = "/v2/";
    return url;
}

/// Each is one more scope that a token is asked for.
constexpr std::size_t k_mount_sources = 16;

/// The layers of one push, taken by several coroutines.
struct LayerQueue {
    const std::vector<PushBlob>& layers;
    std::size_t next = 0;
    std::size_t running = 0;
    std::optional<Error> error;
    daemon::Signal changed;
};

/// A layer that another repository of the registry has is mounted from there, where the registry
/// allows that to who may pull from it.
std::vector<std::string> scopes_of(const PushRequest& request, const oci::Reference& destination) {
    std::set<std::string> sources;
    for (const PushBlob& layer : request.layers) {
        if (!layer.mount_from.empty() && sources.size() < k_mount_sources) {
            sources.insert(pull_scope(layer.mount_from));
        }
    }
    std::vector<std::string> scopes{push_scope(destination.path())};
    scopes.insert(scopes.end(), sources.begin(), sources.end());
    return scopes;
}

void count(PushResult& result, const Descriptor& blob, Outcome outcome) {
    switch (outcome) {
        case Outcome::present:
            ++result.present;
            break;
        case Outcome::mounted:
            ++result.mounted;
            break;
        case Outcome::uploaded:
            ++result.uploaded;
            result.uploaded_bytes += blob.size_bytes;
            break;
    }
}

Awaitable<Result<void>> push_blob(
    const PushRequest& request, const PushBlob& blob, Uploader& uploader, PushResult& result
) {
    const auto tell = [&request, &blob](std::uint64_t sent, std::optional<Outcome> outcome) {
        if (request.progress) {
            request.progress(PushProgress{blob.descriptor, sent, outcome});
        }
    };
    auto progress = [tell](std::uint64_t sent) { tell(sent, std::nullopt); };
    auto outcome = co_await uploader.upload(blob, std::move(progress));
    if (!outcome) {
        co_return fail(
            std::move(outcome).error().with_trail("pushing blob " + blob.descriptor.digest.render())
        );
    }
    count(result, blob.descriptor, *outcome);
    tell(*outcome == Outcome::uploaded ? blob.descriptor.size_bytes : 0, *outcome);
    co_return Result<void>();
}

/// Takes layers until none is left or one has failed.
Awaitable<void> push_queue(
    LayerQueue& queue, const PushRequest& request, Uploader& uploader, PushResult& result
) {
    while (!queue.error && queue.next < queue.layers.size()) {
        const PushBlob& layer = queue.layers[queue.next++];
        auto pushed = co_await push_blob(request, layer, uploader, result);
        if (!pushed && !queue.error) {
            queue.error = std::move(pushed).error();
        }
    }
}

}  // namespace

Client::Client(asio::any_io_executor loop, ThreadPool& pool, const ClientOptions& options)
    : loop_(loop),
      pool_(pool),
      options_(options),
      transport_(std::move(loop), pool, options.transport),
      memory_(options.memory == nullptr ? own_memory_ : *options.memory) {}

Awaitable<Result<PushResult>> Client::push(PushRequest request) {
    const oci::Reference destination = request.destination.with_default_tag();
    const auto registry = co_await find_registry(destination.domain());
    if (!registry) {
        co_return fail(registry.error());
    }
    for (PushBlob& layer : request.layers) {
        if (layer.mount_from.empty()) {
            const Digest& blob = layer.descriptor.digest;
            layer.mount_from =
                memory_.find_repository(destination.domain(), blob, destination.path());
        }
    }
    Access access = access_to(*registry, request.credentials);
    access.scopes = scopes_of(request, destination);
    Authorizer authorizer(transport_, memory_, std::move(access));
    Url repository = *registry;
    repository.target += destination.path() + "/";
    Uploader uploader(authorizer, pool_, std::move(repository), options_.retry);
    PushResult result;
    result.digest = digest_of(request.manifest);
    if (destination.digest() && *destination.digest() != result.digest) {
        co_return fail(
            Code::digest_mismatch,
            "{} names another manifest than {}",
            destination.typed(),
            result.digest.render()
        );
    }
    auto layers = co_await push_layers(request, uploader, result);
    if (!layers) {
        co_return fail(std::move(layers).error());
    }
    for (const PushBlob& layer : request.layers) {
        memory_.note_blob(destination.domain(), destination.path(), layer.descriptor.digest);
    }
    auto config = co_await push_blob(request, request.config, uploader, result);
    if (!config) {
        co_return fail(std::move(config).error());
    }
    for (const PushReferrer& referrer : request.referrers) {
        auto pushed = co_await push_referrer(request, referrer, uploader, result);
        if (!pushed) {
            Error error = std::move(pushed).error();
            co_return fail(std::move(error).with_trail(
                "pushing the " + referrer.manifest.artifact_type + " of the image"
            ));
        }
    }
    const std::string name =
        destination.digest() ? destination.digest()->render() : *destination.tag();
    const auto put = co_await uploader.put_manifest(
        name, request.manifest_type, request.manifest, result.digest
    );
    if (!put) {
        Error error = put.error();
        co_return fail(std::move(error).with_trail("pushing the manifest"));
    }
    co_return result;
}

Awaitable<Result<void>> Client::push_referrer(
    const PushRequest& request, const PushReferrer& referrer, Uploader& uploader, PushResult& result
) {
    for (const PushBlob& blob : referrer.blobs) {
        auto pushed = co_await push_blob(request, blob, uploader, result);
        if (!pushed) {
            co_return fail(std::move(pushed).error());
        }
    }
    const Descriptor& manifest = referrer.manifest.descriptor;
    const auto listed = co_await uploader.put_manifest(
        manifest.digest.render(), manifest.media_type, referrer.text, manifest.digest
    );
    if (!listed) {
        co_return fail(listed.error());
    }
    if (*listed) {
        co_return Result<void>();
    }
    co_return co_await list_referrer(uploader, result.digest, referrer.manifest);
}

Awaitable<Result<void>> Client::push_layers(
    const PushRequest& request, Uploader& uploader, PushResult& result
) {
    LayerQueue queue{request.layers, 0, 0, std::nullopt, daemon::Signal(loop_)};
    const std::size_t workers = std::min(options_.parallel_layers, request.layers.size());
    std::vector<asio::cancellation_signal> stops(workers);
    for (asio::cancellation_signal& stop : stops) {
        ++queue.running;
        const auto ended = [&queue](const std::exception_ptr& failure) {
            if (failure && !queue.error) {
                queue.error = Error{Code::internal, "a layer's upload ended unexpectedly"};
            }
            --queue.running;
            queue.changed.notify_all();
        };
        asio::co_spawn(
            loop_,
            push_queue(queue, request, uploader, result),
            asio::bind_cancellation_slot(stop.slot(), ended)
        );
    }
    // The workers hold references into this frame: it hands a cancellation on to them and waits.
    co_await asio::this_coro::throw_if_cancelled(false);
    bool cancelled = false;
    while (queue.running > 0) {
        co_await queue.changed.wait();
        const auto state = co_await asio::this_coro::cancellation_state;
        if (!cancelled && state.cancelled() != asio::cancellation_type::none) {
            cancelled = true;
            queue.error = Error{Code::cancelled, "the push was cancelled"};
            for (asio::cancellation_signal& stop : stops) {
                stop.emit(asio::cancellation_type::terminal);
            }
        }
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    co_return queue.error ? Result<void>(fail(std::move(*queue.error))) : Result<void>();
}

Awaitable<Result<void>> Client::check_login(std::string host, Credentials credentials) {
    const auto registry = co_await find_registry(host);
    if (!registry) {
        co_return fail(registry.error());
    }
    // What is remembered of these credentials may be out of date: they are asked about anew.
    Memory nothing;
    Authorizer authorizer(transport_, nothing, access_to(*registry, std::move(credentials)));
    Request request;
    request.url = *registry;
    const auto response = co_await authorizer.send(request);
    if (!response && response.error().code == Code::permission) {
        co_return fail(Code::permission, "{} does not take these credentials", host);
    }
    if (!response) {
        co_return fail(response.error());
    }
    if (response->status == 401 || response->status == 403) {
        co_return fail(Code::permission, "{} does not take these credentials", host);
    }
    if (response->status != 200) {
        co_return fail(answer_error(request, *response));
    }
    co_return Result<void>();
}

Access Client::access_to(Url registry, std::optional<Credentials> credentials) const {
    return Access{std::move(registry), std::move(credentials), {}, options_.insecure_hosts};
}

Awaitable<Result<std::unique_ptr<Repository>>> Client::open(
    oci::Reference reference, std::optional<Credentials> credentials
) {
    auto registry = co_await find_registry(reference.domain());
    if (!registry) {
        co_return fail(std::move(registry).error());
    }
    Access access = access_to(std::move(*registry), std::move(credentials));
    access.scopes = {pull_scope(reference.path())};
    co_return std::make_unique<Repository>(
        transport_, memory_, std::move(access), reference.path(), options_.retry
    );
}

Awaitable<Result<std::optional<Descriptor>>> Client::look_up(
    oci::Reference reference, std::optional<Credentials> credentials
) {
    const auto places = candidates(reference.domain());
    if (!places) {
        co_return fail(places.error());
    }
    Result<std::optional<Descriptor>> found = std::nullopt;
    for (const Url& place : *places) {
        Access access = access_to(place, credentials);
        access.scopes = {pull_scope(reference.path())};
        const bool last = &place == &places->back();
        RetryPolicy retry = options_.retry;
        retry.attempts = last ? retry.attempts : 1;
        Repository repository(transport_, memory_, std::move(access), reference.path(), retry);
        found = co_await repository.look_up(manifest_name(reference));
        if (found) {
            memory_.note_tls(reference.domain(), place.tls);
        }
        // A TLS server answers a plain request with 400 or not at all.
        if (found || found.error().code != Code::upstream) {
            break;
        }
    }
    co_return found;
}

Result<std::vector<Url>> Client::candidates(const std::string& host) const {
    TRY_ASSIGN(const HostPort place, HostPort::parse(host));
    const auto& insecure = options_.insecure_hosts;
    const bool listed = std::find(insecure.begin(), insecure.end(), host) != insecure.end();
    if (!listed && !is_loopback(host)) {
        return std::vector{api_of(place, true)};
    }
    if (const auto known = memory_.speaks_tls(host)) {
        return std::vector{api_of(place, *known)};
    }
    return std::vector{api_of(place, false), api_of(place, true)};
}

Awaitable<Result<Url>> Client::find_registry(std::string host) {
    const auto places = candidates(host);
    if (!places) {
        co_return fail(places.error());
    }
    if (places->size() == 1) {
        co_return places->front();
    }
    // Asked without credentials: a TLS server answers a plain request with 400 or not at all.
    Request ping;
    ping.url = places->front();
    const auto response = co_await transport_.send(ping);
    if (!response && response.error().code != Code::upstream) {
        co_return fail(response.error());
    }
    if (!response || response->status == 400) {
        co_return places->back();
    }
    memory_.note_tls(host, false);
    co_return ping.url;
}

}  // namespace kiln::registry
