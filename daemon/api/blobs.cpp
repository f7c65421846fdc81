#include "daemon/api/lent_contents.hpp"
#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "daemon/build/lent_files.hpp"
#include "daemon/runtime/run_on.hpp"
#include "store/base/limits.hpp"
#include "store/base/parallel.hpp"
#include "store/base/stop.hpp"

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

/// Reads a file where it lies into a blob of the store, held against its digest.
Result<void> take_blob(
    Services& services, const LentContent& content, const std::stop_token& stop
) {
    const Digest& digest = content.header.content;
    const store::Lease lease = services.store.lease();
    services.store.leases().keep_for(digest, ContextTable::k_kept_seconds);
    TRY_ASSIGN(const auto known, services.store.blobs().size_of(digest));
    if (known) {
        return {};
    }
    TRY_ASSIGN(const auto writer, services.store.blobs().begin(lease));
    FdSource source(content.file.get(), 0, content.header.size_bytes);
    Bytes buffer(limits::k_mib);
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            break;
        }
        TRY(writer->write(ByteSpan(buffer).first(count)));
    }
    TRY(writer->commit(digest));
    return {};
}

/// Files that the client passes open: read side by side, by all of the pool.
Awaitable<Result<void>> put_files(Exchange& exchange, Services& services) {
    auto received = co_await receive_contents(exchange);
    if (!received) {
        co_return fail(received.error());
    }
    const auto contents = std::make_shared<std::vector<LentContent>>(std::move(*received));
    std::erase_if(*contents, [](const LentContent& each) { return !can_be_lent(each.file); });
    const auto stop = std::make_shared<std::stop_source>();
    exchange.watch_client([stop] { stop->request_stop(); });
    auto take = [&services, contents, stop] {
        return parallel_each(services.pool, contents->size(), [&](std::size_t i) {
            return take_blob(services, contents->at(i), stop->get_token());
        });
    };
    const auto taken = co_await run_on(services.waiters, std::move(take));
    if (!taken) {
        co_return fail(taken.error());
    }
    json::Array lent;
    for (const LentContent& each : *contents) {
        lent.emplace_back(each.header.content.render());
    }
    json::Object answer{{"lent", std::move(lent)}};
    co_return co_await exchange.respond_json(200, std::move(answer));
}

}  // namespace

void add_blob_routes(Router& router, Services& services) {
    router.add("PUT", "/v1/blobs", [&services](Exchange& exchange, Parameters) {
        return put_files(exchange, services);
    });
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
