#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {
namespace {

constexpr std::string_view k_bytes = "application/octet-stream";

Awaitable<Result<void>> get_blob(Exchange& exchange, Services& services, Digest digest) {
    auto open = [&services, digest] { return services.store.blobs().open(digest); };
    auto opened = co_await run_on(services.pool, std::move(open));
    if (!opened) {
        co_return fail(opened.error());
    }
    const auto blob = std::make_shared<const store::BlobReader>(std::move(*opened));
    if (exchange.method() == "HEAD") {
        const auto started = co_await exchange.start_stream(k_bytes, blob->size_bytes());
        co_return started ? co_await exchange.finish_stream() : started;
    }
    Produce produce = [blob](ByteSink& out) -> Result<void> {
        FdSource source = blob->source();
        TRY(copy_all(source, out));
        return {};
    };
    co_return co_await respond_stream(exchange, services, k_bytes, std::move(produce));
}

Awaitable<Result<void>> put_blob(Exchange& exchange, Services& services, Digest digest) {
    std::function<Result<std::uint64_t>(ByteSource&)> consume = [&services, digest](ByteSource& body
                                                                ) -> Result<std::uint64_t> {
        const store::Lease lease = services.store.lease();
        services.store.leases().keep_for(digest, ContextTable::k_kept_seconds);
        TRY_ASSIGN(const auto writer, services.store.blobs().begin(lease));
        TRY(copy_all(body, *writer));
        TRY_ASSIGN(const auto committed, writer->commit(digest));
        return committed.size_bytes;
    };
    const auto size = co_await consume_body(exchange, services, std::move(consume));
    if (!size) {
        co_return fail(size.error());
    }
    json::Object answer{{"digest", digest.render()}, {"size_bytes", *size}};
    co_return co_await exchange.respond_json(201, std::move(answer));
}

}  // namespace

void add_blob_routes(Router& router, Services& services) {
    router.add(
        "GET",
        "/v1/blobs/{digest}",
        [&services](Exchange& exchange, Parameters parameters) -> Awaitable<Result<void>> {
            const auto digest = Digest::parse(parameters[0]);
            if (!digest) {
                co_return fail(digest.error());
            }
            co_return co_await get_blob(exchange, services, *digest);
        }
    );
    router.add(
        "PUT",
        "/v1/blobs/{digest}",
        [&services](Exchange& exchange, Parameters parameters) -> Awaitable<Result<void>> {
            const auto digest = Digest::parse(parameters[0]);
            if (!digest) {
                co_return fail(digest.error());
            }
            co_return co_await put_blob(exchange, services, *digest);
        }
    );
}

}  // namespace kiln::daemon
