#include "daemon/exec/session_diff.hpp"

#include "daemon/exec/message.hpp"
#include "daemon/exec/watch.hpp"
#include "layers/tree/overlay_diff.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <set>
#include <string>

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

/// What was told: the bytes of all files, and which directories.
struct Told {
    std::uint64_t size_bytes = 0;
    std::set<std::string> directories;
};

Result<Told> tell_changes(Channel& channel, const Changes& changes) {
    TRY_ASSIGN(const Fd upper, open_directory(changes.run.name() + "/fs"));
    tree::OverlayDiffOptions options;
    if (changes.spec.timestamps == Timestamps::fixed) {
        options.step_start = changes.started;
    }
    options.epoch = changes.spec.epoch;
    const HangupWatch watch(channel.fd());
    Told told;
    const auto sink = [&](const tree::ChangedEntry& change) {
        told.size_bytes += change.entry.size_bytes;
        if (change.entry.type == tar::EntryType::directory) {
            told.directories.insert(change.entry.path);
        }
        return send_entry(channel, change);
    };
    TRY_ASSIGN(
        const auto report, tree::diff_upper(upper.get(), changes.lower, options, sink, watch.stop())
    );
    for (const std::string& socket : report.sockets) {
        TRY(channel.send(
            MessageType::notice, as_bytes(fmt::format("/{} is a socket, left out", socket))
        ));
    }
    TRY(channel.send(MessageType::done));
    return told;
}

Result<void> keep(const std::string& hex, const Told& told, Changes& changes) {
    TRY(Digest::parse_hex(hex));
    const std::string& run = changes.run.name();
    for (auto path = changes.bare.rbegin(); path != changes.bare.rend(); ++path) {
        if (!path->empty() && !told.directories.contains(*path)) {
            // Whatever the command put there has it listed, so it is empty, or gone already.
            ::rmdir(fmt::format("{}/fs/{}", run, *path).c_str());
        }
    }
    for (const char* name : {"work", "hosts", "resolv.conf", "l"}) {
        TRY(remove_tree_at(AT_FDCWD, fmt::format("{}/{}", run, name)));
    }
    TRY(publish_layer(run, hex, told.size_bytes));
    changes.run.release();
    return {};
}

}  // namespace

Result<void> serve_changes(Channel& channel, Changes& changes) {
    Told told;
    while (true) {
        const auto order = channel.receive();
        if (!order) {
            return {};  // whoever ran it has what they wanted; the rest is discarded
        }
        if (order->type == MessageType::diff) {
            TRY_ASSIGN(told, tell_changes(channel, changes));
        } else if (order->type == MessageType::keep) {
            PayloadReader in(order->payload);
            const std::string hex = in.text();
            TRY(in.finish());
            TRY(keep(hex, told, changes), "while keeping layer {}", hex);
            return channel.send(MessageType::done);
        } else {
            return fail(Code::corrupt, "a session of the sandbox is asked out of turn");
        }
    }
}

}  // namespace kiln::exec
