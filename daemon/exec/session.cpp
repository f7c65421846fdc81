#include "daemon/exec/session.hpp"

#include "daemon/exec/message.hpp"
#include "store/base/file.hpp"
#include "store/digest.hpp"

#include <fmt/format.h>

#include <sys/random.h>

#include <cerrno>
#include <cstdio>

namespace kiln::exec {
namespace {

Result<void> serve_remove(Channel& channel, const Message& order) {
    PayloadReader in(order.payload);
    const std::string hex = in.text();
    TRY(in.finish());
    TRY(Digest::parse_hex(hex));
    TRY(remove_layer_directory(hex), "while removing the unpacked layer {}", hex);
    return channel.send(MessageType::done);
}

Result<void> serve(Channel& channel, const SessionTools& tools) {
    TRY_ASSIGN(const Message order, channel.receive());
    if (order.type == MessageType::unpack) {
        return serve_unpack(channel, order);
    }
    if (order.type == MessageType::run) {
        return serve_run(channel, order, tools);
    }
    if (order.type == MessageType::remove) {
        return serve_remove(channel, order);
    }
    if (order.type == MessageType::network) {
        return serve_network(channel);
    }
    return fail(Code::corrupt, "a session of the sandbox begins with no request");
}

}  // namespace

void serve_session(Channel channel, const SessionTools& tools) {
    const auto served = serve(channel, tools);
    if (!served) {
        // When nobody listens any more the request was cancelled, and there is nothing to tell.
        static_cast<void>(channel.send(MessageType::failed, render_error(served.error())));
    }
}

Result<void> remove_layer_directory(const std::string& name) {
    const std::string gone = fresh_name(".gone-");
    if (::rename(name.c_str(), gone.c_str()) != 0) {
        if (errno == ENOENT) {
            return {};
        }
        return fail_errno(name);
    }
    return remove_tree_at(AT_FDCWD, gone);
}

Result<void> publish_layer(
    const std::string& directory, const std::string& hex, std::uint64_t size_bytes
) {
    const std::string size_file = directory + "/size";
    const Fd file(::open(size_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return fail_errno(size_file);
    }
    TRY(write_all(file.get(), as_bytes(std::to_string(size_bytes))));
    if (::rename(directory.c_str(), hex.c_str()) == 0) {
        return {};
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
        return fail_errno(hex);
    }
    return remove_tree_at(AT_FDCWD, directory);
}

FreshDirectory::~FreshDirectory() {
    if (!name_.empty()) {
        static_cast<void>(remove_tree_at(AT_FDCWD, name_));
    }
}

std::string fresh_name(std::string_view prefix) {
    std::uint64_t random = 0;
    ASSERT(::getrandom(&random, sizeof random, 0) == sizeof random);
    return fmt::format("{}{:016x}", prefix, random);
}

}  // namespace kiln::exec
