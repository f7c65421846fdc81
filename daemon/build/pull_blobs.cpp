#include "daemon/build/pull_blobs.hpp"

#include "daemon/build/layer_writer.hpp"
#include "daemon/runtime/inbound_channel.hpp"
#include "daemon/runtime/run_on.hpp"
#include "daemon/runtime/stoppable.hpp"
#include "layers/oci/layer_intake.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace kiln::daemon {
namespace {

using boost::asio::awaitable;

/// Progress is told this often: every event is kept for replay.
constexpr std::uint64_t k_told_bytes = 1U << 20U;

enum class Presence : std::uint8_t { absent, blob, layer };

/// One layer on its way from the loop, which receives it, to the thread that reads it.
struct Arrival {
    explicit Arrival(const boost::asio::any_io_executor& loop)
        : channel(std::make_shared<InboundChannel>(loop)),
          ended(loop) {}

    std::shared_ptr<InboundChannel> channel;
    Signal ended;
    std::optional<Result<void>> outcome = std::nullopt;
};

Digest flight_of(const Descriptor& blob) {
    CacheKey key("pull/1");
    key.add("blob", blob.digest.render());
    return key.digest();
}

/// Keep, then look: what is there now stays.
Result<Presence> look(store::Store& store, const store::Lease& lease, const PullLayer& layer) {
    lease.keep(layer.diff_id);
    lease.keep(layer.blob.digest);
    TRY_ASSIGN(const auto size, store.blobs().size_of(layer.blob.digest));
    if (!size) {
        return Presence::absent;
    }
    TRY_ASSIGN(const auto facts, store.index().find_layer(layer.diff_id));
    const auto worn = [&](const Dress& dress) { return dress.digest == layer.blob.digest; };
    const bool known = facts && std::any_of(facts->dresses.begin(), facts->dresses.end(), worn);
    if (known) {
        store.used(layer.diff_id);
    }
    return known ? Presence::layer : Presence::blob;
}

/// Reads a layer to its end, checks it against what it must be, and records it.
Result<void> take(const PullSource& source, const PullLayer& layer, ByteSource& bytes) {
    store::Store& store = source.services.store;
    TRY_ASSIGN(
        const BuiltLayer built,
        oci::take_layer(
            bytes,
            {.blob = layer.blob, .diff_id = layer.diff_id},
            store.blobs(),
            source.lease,
            {},
            source.stop
        )
    );
    TRY(store.tables().put(layer.diff_id, built.table, source.lease));
    return store.record(store::Batch{.layers = {facts_of(built, layer.origin)}});
}

Result<void> take_stored(const PullSource& source, const PullLayer& layer) {
    TRY_ASSIGN(store::BlobReader reader, source.services.store.blobs().open(layer.blob.digest));
    const Fd file = reader.release_fd();
    FdSource bytes(file.get(), 0, layer.blob.size_bytes);
    return take(source, layer, bytes);
}

void tell(const PullSource& source, const Descriptor& blob, std::uint64_t current) {
    source.job->emit(ProgressEvent{
        .step = std::nullopt,
        .what = "pull",
        .name = blob.digest.render(),
        .current = current,
        .total = blob.size_bytes});
}

awaitable<Result<void>> put(std::shared_ptr<InboundChannel> channel, ByteSpan bytes) {
    while (!bytes.empty()) {
        const MutableByteSpan room = co_await channel->room();
        if (room.empty()) {
            co_return fail(Code::cancelled, "the rest is not wanted");
        }
        const std::size_t count = std::min(room.size(), bytes.size());
        std::memcpy(room.data(), bytes.data(), count);
        channel->advance(count);
        bytes = bytes.subspan(count);
    }
    co_return Result<void>();
}

awaitable<void> receive(PullSource source, Descriptor blob, std::shared_ptr<Arrival> arrival) {
    registry::BlobSink sink =
        [source, blob, channel = arrival->channel, received = std::uint64_t{0}](ByteSpan bytes
        ) mutable {
            const std::uint64_t before = std::exchange(received, received + bytes.size());
            if (before / k_told_bytes != received / k_told_bytes) {
                tell(source, blob, received);
            }
            return put(channel, bytes);
        };
    auto outcome = co_await stoppable(
        source.services.loop, source.stop, source.repository.get_blob(blob, std::move(sink))
    );
    arrival->channel->close(outcome);
    arrival->outcome.emplace(std::move(outcome));
    arrival->ended.notify_all();
}

awaitable<Result<void>> fetch_layer(PullSource source, const PullLayer& layer) {
    const auto arrival = std::make_shared<Arrival>(source.services.loop);
    boost::asio::co_spawn(
        source.services.loop, receive(source, layer.blob, arrival), boost::asio::detached
    );
    auto read = [&source, &layer, channel = arrival->channel] {
        return take(source, layer, *channel);
    };
    auto taken = co_await run_on(source.services.waiters, std::move(read));
    arrival->channel->abandon();
    while (!arrival->outcome) {
        co_await arrival->ended.wait();
    }
    // What the registry did goes before what it looked like to the reader.
    const Result<void>& received = *arrival->outcome;
    if (!taken && !received && received.error().code != Code::cancelled) {
        co_return received;
    }
    co_return taken;
}

awaitable<Result<void>> bring(PullSource source, const PullLayer& layer) {
    while (true) {
        auto is_here = [&source, &layer] {
            return look(source.services.store, source.lease, layer);
        };
        const auto before = co_await run_on(source.services.pool, is_here);
        if (!before || *before == Presence::layer) {
            co_return before ? Result<void>() : fail(before.error());
        }
        const auto turn = co_await source.services.flights.enter(flight_of(layer.blob));
        if (source.stop.stop_requested()) {
            co_return fail(Code::cancelled, "cancelled");
        }
        if (!turn) {
            continue;  // somebody else fetched it
        }
        // It may have come between the look and the turn.
        const auto now = co_await run_on(source.services.pool, is_here);
        if (!now || *now == Presence::layer) {
            co_return now ? Result<void>() : fail(now.error());
        }
        if (*now == Presence::blob) {
            auto read = [&source, &layer] { return take_stored(source, layer); };
            co_return co_await run_on(source.services.waiters, std::move(read));
        }
        co_return co_await fetch_layer(source, layer);
    }
}

}  // namespace

awaitable<Result<void>> pull_layer(PullSource source, PullLayer layer) {
    auto brought = co_await bring(source, layer);
    if (!brought) {
        co_return fail(
            std::move(brought).error().with_trail("pulling layer " + layer.blob.digest.render())
        );
    }
    tell(source, layer.blob, layer.blob.size_bytes);
    co_return brought;
}

awaitable<Result<void>> pull_blob(PullSource source, Descriptor blob) {
    store::Store& store = source.services.store;
    auto begin = [&]() -> Result<std::shared_ptr<store::BlobWriter>> {
        source.lease.keep(blob.digest);
        TRY_ASSIGN(const auto size, store.blobs().size_of(blob.digest));
        if (size) {
            return std::shared_ptr<store::BlobWriter>();
        }
        TRY_ASSIGN(auto writer, store.blobs().begin(source.lease));
        return std::shared_ptr<store::BlobWriter>(std::move(writer));
    };
    const auto writer = co_await run_on(source.services.pool, std::move(begin));
    if (!writer || !*writer) {
        co_return writer ? Result<void>() : fail(writer.error());
    }
    registry::BlobSink sink = [&services = source.services, into = *writer](ByteSpan bytes) {
        auto write = [into, bytes] { return into->write(bytes); };
        return run_on(services.pool, std::move(write));
    };
    const auto received = co_await stoppable(
        source.services.loop, source.stop, source.repository.get_blob(blob, std::move(sink))
    );
    if (!received) {
        Error error = received.error();
        co_return fail(std::move(error).with_trail("pulling blob " + blob.digest.render()));
    }
    auto commit = [&blob, into = *writer]() -> Result<void> {
        TRY(into->commit(blob.digest));
        return {};
    };
    co_return co_await run_on(source.services.pool, std::move(commit));
}

}  // namespace kiln::daemon
