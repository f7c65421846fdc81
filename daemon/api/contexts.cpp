#include "daemon/api/problem.hpp"
#include "daemon/api/resources.hpp"
#include "daemon/api/streams.hpp"
#include "store/base/limits.hpp"
#include "store/pack_stream.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

/// Of one context; the kernel passes up to 253 (SCM_MAX_FD), but a process may open 1,024 only.
constexpr std::size_t k_files_at_once = 64;

json::Value render_digests(const std::vector<Digest>& digests) {
    json::Array array;
    for (const Digest& digest : digests) {
        array.emplace_back(digest.render());
    }
    return array;
}

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

/// Files that a client keeps open for us: in the body a header for each, as before contents, in
/// their order.
Awaitable<Result<void>> put_files(Exchange& exchange, ContextTable& contexts, Digest listing) {
    auto files = co_await exchange.receive_files(k_files_at_once);
    if (!files) {
        co_return fail(files.error());
    }
    const auto body = co_await exchange.read_body(k_files_at_once * store::PackHeader::k_size);
    if (!body) {
        co_return fail(body.error());
    }
    if (body->size() % store::PackHeader::k_size != 0) {
        co_return fail(Code::invalid_input, "{} bytes describe no number of files", body->size());
    }
    LentFiles taken;
    std::vector<Digest> lent;
    ByteSpan headers(*body);
    for (Fd& file : *files) {
        if (headers.empty()) {
            break;
        }
        store::PackHeader::Raw raw{};
        std::copy_n(headers.begin(), raw.size(), raw.begin());
        headers = headers.subspan(raw.size());
        const auto header = store::PackHeader::parse(raw);
        if (taken.add(header.content, std::move(file), header.size_bytes)) {
            lent.push_back(header.content);
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
