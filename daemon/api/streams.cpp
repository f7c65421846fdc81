#include "daemon/api/streams.hpp"

#include "daemon/runtime/run_on.hpp"

namespace kiln::daemon {

Awaitable<Result<void>> respond_stream(
    Exchange& exchange, Services& services, std::string_view content_type, Produce produce
) {
    const auto channel = std::make_shared<ByteChannel>(services.loop);
    services.waiters.submit([channel, produce = std::move(produce)] {
        channel->close(produce(*channel));
    });
    bool started = false;
    while (true) {
        const auto chunk = co_await channel->read();
        if (!chunk) {
            co_return fail(chunk.error());
        }
        if (!started) {
            const auto begun = co_await exchange.start_stream(content_type);
            if (!begun) {
                channel->abandon();
                co_return begun;
            }
            started = true;
        }
        if (!*chunk) {
            co_return co_await exchange.finish_stream();
        }
        const auto sent = co_await exchange.write(**chunk);
        if (!sent) {
            channel->abandon();
            co_return sent;
        }
    }
}

Awaitable<Result<void>> respond_with(Exchange& exchange, Services& services, Work work) {
    const auto stop = std::make_shared<std::stop_source>();
    exchange.watch_client([stop] { stop->request_stop(); });
    auto task = [stop, owned = std::move(work)] { return owned(stop->get_token()); };
    auto value = co_await run_on(services.waiters, std::move(task));
    if (!value) {
        co_return fail(value.error());
    }
    co_return co_await exchange.respond_json(200, std::move(*value));
}

}  // namespace kiln::daemon
