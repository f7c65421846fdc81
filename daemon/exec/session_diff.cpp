#include "daemon/exec/session_diff.hpp"

#include "daemon/exec/message.hpp"
#include "daemon/exec/watch.hpp"
#include "layers/tree/overlay_diff.hpp"

#include <fmt/format.h>

namespace kiln::exec {
namespace {

// Smaller contents travel as bytes behind their entry; for larger ones the file itself does.
constexpr std::uint64_t k_content_sent_bytes = 64U * 1024;

Result<void> send_entry(Channel& channel, const tree::ChangedEntry& change) {
    const Bytes entry = render_entry(change.entry);
    if (change.entry.size_bytes > k_content_sent_bytes) {
        const int file = change.content.get();
        return channel.send(MessageType::entry, entry, std::span(&file, 1));
    }
    TRY(channel.send(MessageType::entry, entry));
    if (change.entry.size_bytes == 0) {
        return {};
    }
    Bytes content(static_cast<std::size_t>(change.entry.size_bytes));
    TRY(pread_exact(change.content.get(), content, 0), "while reading {}", change.entry.path);
    return channel.send(MessageType::content, content);
}

/// The bytes of all files told.
Result<std::uint64_t> tell_changes(
    Channel& channel,
    const RunSpec& spec,
    const tree::FileTree& lower,
    UnixSeconds started,
    const std::string& upper
) {
    TRY_ASSIGN(const Fd directory, open_directory(upper));
    tree::OverlayDiffOptions options;
    if (spec.timestamps == Timestamps::fixed) {
        options.step_start = started;
    }
    options.epoch = spec.epoch;
    const HangupWatch watch(channel.fd());
    std::uint64_t size_bytes = 0;
    const auto sink = [&](tree::ChangedEntry change) {
        size_bytes += change.entry.size_bytes;
        return send_entry(channel, change);
    };
    TRY_ASSIGN(
        const auto report, tree::diff_upper(directory.get(), lower, options, sink, watch.stop())
    );
    for (const std::string& socket : report.sockets) {
        TRY(channel.send(
            MessageType::notice, as_bytes(fmt::format("/{} is a socket, left out", socket))
        ));
    }
    TRY(channel.send(MessageType::done));
    return size_bytes;
}

Result<void> keep(const std::string& hex, std::uint64_t size_bytes, FreshDirectory& run) {
    TRY(Digest::parse_hex(hex));
    for (const char* name : {"work", "hosts", "resolv.conf", "l"}) {
        TRY(remove_tree_at(AT_FDCWD, fmt::format("{}/{}", run.name(), name)));
    }
    TRY(publish_layer(run.name(), hex, size_bytes));
    run.release();
    return {};
}

}  // namespace

Result<void> serve_changes(
    Channel& channel,
    const RunSpec& spec,
    const tree::FileTree& lower,
    UnixSeconds started,
    FreshDirectory& run
) {
    std::uint64_t size_bytes = 0;
    while (true) {
        const auto order = channel.receive();
        if (!order) {
            return {};  // whoever ran it has what they wanted; the rest is discarded
        }
        if (order->type == MessageType::diff) {
            TRY_ASSIGN(size_bytes, tell_changes(channel, spec, lower, started, run.name() + "/fs"));
        } else if (order->type == MessageType::keep) {
            PayloadReader in(order->payload);
            const std::string hex = in.text();
            TRY(in.finish());
            TRY(keep(hex, size_bytes, run), "while keeping layer {}", hex);
            return channel.send(MessageType::done);
        } else {
            return fail(Code::corrupt, "a session of the sandbox is asked out of turn");
        }
    }
}

}  // namespace kiln::exec
