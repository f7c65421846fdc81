#pragma once

#include "daemon/exec/channel.hpp"
#include "daemon/exec/policy.hpp"
#include "layers/table_of_contents.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::exec {

/// A layer's table of contents, checked, and what follows from it (see implied.hpp).
struct KnownTable {
    std::shared_ptr<const TableOfContents> table;
    std::vector<std::string> implied;
};

/// Those that kilnd has sent, or why one can't be used.
using Tables = std::map<Digest, Result<KnownTable>>;

/// What the worker has prepared for all its sessions.
struct SessionTools {
    std::vector<sock_filter> filter;
    bool has_many_ids = true;  // more than the single id 0
    bool can_scope_sockets = false;
    Tables tables = {};
};

/// One request of kilnd, from the channel's first message to its end, in a process of its own. The
/// working directory holds the unpacked layers:
///     HEX/fs      what an overlay takes as a lower directory
///     HEX/size    its bytes, in decimal
///     .run-… .unpack-… .gone-…    being made or removed; nobody's after a crash
void serve_session(Channel channel, const SessionTools& tools);

/// A directory of the store that vanishes unless it is published.
class FreshDirectory {
  public:
    explicit FreshDirectory(std::string name)
        : name_(std::move(name)) {}

    FreshDirectory(const FreshDirectory&) = delete;
    FreshDirectory& operator=(const FreshDirectory&) = delete;
    ~FreshDirectory();

    [[nodiscard]] const std::string& name() const { return name_; }

    void release() { name_.clear(); }

  private:
    std::string name_;
};

/// The first message's business, each in its own file.
Result<void> serve_unpack(Channel& channel, const Message& order);
Result<void> serve_run(Channel& channel, const Message& order, const SessionTools& tools);
Result<void> serve_network(Channel& channel);

/// Removes a directory of the store, whatever lies in it. First under another name, so that it is
/// gone at once or not at all.
Result<void> remove_layer_directory(const std::string& name);
/// DIRECTORY becomes the unpacked layer HEX, unless that is there already; then DIRECTORY goes.
Result<void> publish_layer(
    const std::string& directory, const std::string& hex, std::uint64_t size_bytes
);
/// A name nobody has: PREFIX and 16 random hex digits.
std::string fresh_name(std::string_view prefix);

}  // namespace kiln::exec
