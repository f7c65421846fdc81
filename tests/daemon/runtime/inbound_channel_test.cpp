#include "daemon/runtime/inbound_channel.hpp"

#include "tests/support/matchers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <thread>

namespace kiln::daemon {
namespace {

using testing::FailsSaying;

/// Sends `bytes` in pieces of at most `piece` bytes, then the end; false when nobody wants them.
boost::asio::awaitable<bool> send(
    std::shared_ptr<InboundChannel> channel, std::string bytes, std::size_t piece, Result<void> end
) {
    for (std::size_t sent = 0; sent < bytes.size();) {
        const MutableByteSpan room = co_await channel->room();
        if (room.empty()) {
            co_return false;
        }
        const std::size_t count = std::min({piece, room.size(), bytes.size() - sent});
        std::ranges::copy(as_bytes(bytes).subspan(sent, count), room.begin());
        channel->advance(count);
        sent += count;
    }
    channel->close(std::move(end));
    co_return true;
}

/// What the reading thread got, in pieces of at most `piece` bytes; the loop runs beside it.
struct Passage {
    boost::asio::io_context loop{1};
    std::shared_ptr<InboundChannel> channel = std::make_shared<InboundChannel>(loop.get_executor());
    std::optional<bool> wanted;

    void start(std::string bytes, std::size_t piece, Result<void> end) {
        const auto done = [this](const std::exception_ptr&, bool all) { wanted = all; };
        boost::asio::co_spawn(loop, send(channel, std::move(bytes), piece, std::move(end)), done);
    }

    Result<std::string> read(std::size_t piece) {
        std::string got;
        Bytes buffer(piece);
        while (true) {
            TRY_ASSIGN(const std::size_t count, channel->read(buffer));
            if (count == 0) {
                return got;
            }
            got += as_text(ByteSpan(buffer).first(count));
        }
    }
};

RC_GTEST_PROP(InboundChannel, PassesEveryByteInOrder, ()) {
    const auto size = *rc::gen::inRange<std::size_t>(0, 3 * InboundChannel::k_capacity_bytes);
    const auto written = *rc::gen::inRange<std::size_t>(1, 400'000);
    const auto wanted = *rc::gen::inRange<std::size_t>(1'000, 400'000);
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<char>(i * 31 + i / 251);
    }
    Passage passage;
    passage.start(bytes, written, {});
    Result<std::string> got;
    std::thread reader([&] { got = passage.read(wanted); });

    passage.loop.run();
    reader.join();

    RC_ASSERT(got.has_value());
    RC_ASSERT(*got == bytes);
}

TEST(InboundChannel, TellsTheReaderWhyTheBytesEnd) {
    Passage passage;
    passage.start("some", 4, fail(Code::cancelled, "the client has gone"));
    passage.loop.run();

    EXPECT_THAT(passage.read(16), FailsSaying(Code::cancelled, "has gone"));
}

TEST(InboundChannel, LetsTheWriterGoWhenTheReaderHasGone) {
    Passage passage;
    passage.start(std::string(2 * InboundChannel::k_capacity_bytes, 'x'), 4096, {});
    std::thread reader([&] { passage.channel->abandon(); });

    passage.loop.run();
    reader.join();

    EXPECT_EQ(passage.wanted, false);
}

}  // namespace
}  // namespace kiln::daemon
