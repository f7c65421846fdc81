#include "daemon/exec/frame_reader.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/session.hpp"
#include "daemon/exec/watch.hpp"
#include "layers/tree/apply.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

namespace kiln::exec {
namespace {

/// The size of the tar, about that of the files.
Result<std::uint64_t> unpack(
    const UnpackOrder& order, int blob, int root, const std::stop_token& stop
) {
    FrameReader tar(blob, order.dress, order.workers, stop);
    TRY_ASSIGN(auto reader, tar::TarReader::open(tar, tar::TarReaderLimits{}, stop));
    // Devices can't be made in a user namespace; they stay in the layer's table only.
    tree::ApplyOptions options;
    options.whiteouts = tree::Whiteouts::overlay;
    options.opaque_xattr = "user.overlay.opaque";
    options.devices = tree::Devices::skip;
    TRY(tree::apply(reader, root, options, stop));
    return tar.size_bytes();
}

}  // namespace

Result<void> serve_unpack(Channel& channel, const Message& order) {
    TRY_ASSIGN(const UnpackOrder parsed, parse_unpack(order.payload));
    if (order.descriptors.size() != 1) {
        return fail(Code::corrupt, "an order to unpack comes without the blob");
    }
    const std::string hex = parsed.diff_id.hex();
    FreshDirectory fresh(fresh_name(".unpack-"));
    const std::string root = fresh.name() + "/fs";
    if (::mkdir(fresh.name().c_str(), 0700) != 0 || ::mkdir(root.c_str(), 0755) != 0) {
        return fail_errno(fresh.name());
    }
    TRY_ASSIGN(const Fd directory, open_directory(root));
    const HangupWatch watch(channel.fd());
    TRY_ASSIGN(
        const std::uint64_t size_bytes,
        unpack(parsed, order.descriptors.front().get(), directory.get(), watch.stop()),
        "while unpacking layer {}",
        parsed.diff_id.render()
    );
    TRY(publish_layer(fresh.name(), hex, size_bytes));
    fresh.release();
    return channel.send(MessageType::done);
}

}  // namespace kiln::exec
