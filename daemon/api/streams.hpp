#pragma once

#include "daemon/api/exchange.hpp"
#include "daemon/runtime/byte_channel.hpp"
#include "daemon/runtime/inbound_channel.hpp"
#include "daemon/services.hpp"

#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

namespace kiln::daemon {

/// Reads the body on a waiter's thread, as it comes: `consume` may block and need not read to the
/// end.
template<class T>
Awaitable<Result<T>> consume_body(
    Exchange& exchange, Services& services, std::function<Result<T>(ByteSource&)> consume
) {
    struct State {
        explicit State(const boost::asio::any_io_executor& loop)
            : channel(std::make_shared<InboundChannel>(loop)),
              done(loop) {}

        std::shared_ptr<InboundChannel> channel;
        Signal done;
        std::optional<Result<T>> result;
    };

    const auto state = std::make_shared<State>(services.loop);
    services.waiters.submit([state, loop = services.loop, consume = std::move(consume)] {
        auto result = std::make_shared<Result<T>>(consume(*state->channel));
        state->channel->abandon();
        boost::asio::post(loop, [state, result] {
            state->result.emplace(std::move(*result));
            state->done.notify_all();
        });
    });
    Result<void> received;
    while (true) {
        const MutableByteSpan room = co_await state->channel->room();
        if (room.empty()) {
            break;
        }
        const auto count = co_await exchange.read_some(room);
        if (!count || *count == 0) {
            received = count ? Result<void>() : Result<void>(fail(count.error()));
            break;
        }
        state->channel->advance(*count);
    }
    state->channel->close(std::move(received));
    while (!state->result) {
        co_await state->done.wait();
    }
    co_return std::move(*state->result);
}

/// Answers with bytes that `produce` makes on a waiter's thread. An error before the first byte is
/// an ordinary problem; later ones break the connection off, so that no client takes a part for the
/// whole.
using Produce = std::function<Result<void>(ByteSink& out)>;
Awaitable<Result<void>> respond_stream(
    Exchange& exchange, Services& services, std::string_view content_type, Produce produce
);

/// Answers with a record that takes a while to make, on a waiter's thread; `work` is asked to stop
/// when the client goes.
using Work = std::function<Result<json::Value>(const std::stop_token&)>;
Awaitable<Result<void>> respond_with(Exchange& exchange, Services& services, Work work);

}  // namespace kiln::daemon
