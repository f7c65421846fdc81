#include "daemon/api/lent_contents.hpp"
#include "daemon/api/problem.hpp"
#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "store/base/limits.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

Awaitable<Result<void>> post_listing(Exchange& exchange, ContextTable& contexts) {
    auto body = co_await exchange.read_body(limits::k_listing_bytes);
    if (!body) {
        co_return fail(body.error());
    }
    const auto taken = co_await contexts.take(std::move(*body));
    if (!taken) {
        co_return fail(as_sent(taken.error()));
    }
    json::Object answer{
        {"digest", taken->digest.render()}, {"missing", render_digests(taken->missing)}};
    co_return co_await exchange.respond_json(200, std::move(answer));
}

Awaitable<Result<void>> put_contents(
    Exchange& exchange, Services& services, ContextTable& contexts, Digest listing
) {
    std::function<Result<store::Received>(ByteSource&)> consume = [&services](ByteSource& body
                                                                  ) -> Result<store::Received> {
        const store::Lease lease = services.store.lease();
        TRY_ASSIGN(const auto received, services.store.packs().receive(body, lease, {}));
        if (received.pack) {
            services.store.leases().keep_for(*received.pack, ContextTable::k_kept_seconds);
        }
        return received;
    };
    const auto received = co_await consume_body(exchange, services, std::move(consume));
    if (!received) {
        co_return fail(received.error());
    }
    const auto complete = co_await contexts.complete(listing);
    if (!complete) {
        co_return fail(complete.error());
    }
    json::Object answer{{"stored", received->contents}, {"size_bytes", received->size_bytes}};
    co_return co_await exchange.respond_json(200, std::move(answer));
}

Awaitable<Result<void>> put_files(Exchange& exchange, ContextTable& contexts, Digest listing) {
    auto contents = co_await receive_contents(exchange);
    if (!contents) {
        co_return fail(contents.error());
    }
    LentFiles taken;
    std::vector<Digest> lent;
    for (LentContent& each : *contents) {
        if (taken.add(each.header.content, std::move(each.file), each.header.size_bytes)) {
            lent.push_back(each.header.content);
        }
    }
    if (!taken.empty()) {
        contexts.lend(listing, std::move(taken));
        const auto complete = co_await contexts.complete(listing);
        if (!complete) {
            co_return fail(complete.error());
        }
    }
    json::Object answer{{"lent", render_digests(lent)}};
    co_return co_await exchange.respond_json(200, std::move(answer));
}

using Handle = std::function<Awaitable<Result<void>>(Exchange&, Digest listing)>;

Handler for_listing(Handle handle) {
    return [handle = std::move(handle
            )](Exchange& exchange, Parameters parameters) -> Awaitable<Result<void>> {
        const auto listing = Digest::parse(parameters[0]);
        if (!listing) {
            co_return fail(listing.error());
        }
        co_return co_await handle(exchange, *listing);
    };
}

}  // namespace

void add_context_routes(Router& router, Services& services, ContextTable& contexts) {
    router.add("POST", "/v1/contexts", [&contexts](Exchange& exchange, Parameters) {
        return post_listing(exchange, contexts);
    });
    router.add(
        "PUT",
        "/v1/contexts/{digest}/contents",
        for_listing([&](Exchange& exchange, Digest listing) {
            return put_contents(exchange, services, contexts, listing);
        })
    );
    router.add(
        "PUT",
        "/v1/contexts/{digest}/files",
        for_listing([&contexts](Exchange& exchange, Digest listing) {
            return put_files(exchange, contexts, listing);
        })
    );
}

}  // namespace kiln::daemon
