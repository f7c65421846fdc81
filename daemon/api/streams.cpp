#include "daemon/api/streams.hpp"

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

}  // namespace kiln::daemon
