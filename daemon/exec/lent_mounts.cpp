#include "daemon/exec/lent_mounts.hpp"

#include "daemon/exec/channel.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/mount_helper.hpp"
#include "daemon/exec/owner_map.hpp"
#include "daemon/exec/program.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace kiln::exec {
namespace {

/// What an ordinary user's kilnd may do with a file of its client.
Result<void> check_lending(
    const HostMount& mounted, const Identity& identity, const RunSpec& spec
) {
    if (spec.lender.uid != identity.root_uid()) {
        return fail(
            Code::permission,
            "{} can't be mounted: kilnd runs as user {} and mounts only what that user lends",
            mounted.destination,
            identity.root_uid()
        );
    }
    if (!mounted.read_only && spec.uid != 0) {
        return fail(Error{
            .code = Code::unsupported,
            .message = fmt::format(
                "{} can't be writable for user {} of the image: kilnd is not root, so only the "
                "image's root may write files of user {}",
                mounted.destination,
                spec.uid,
                identity.root_uid()
            ),
            .hint = fmt::format("mount it as :ro, or run with --user 0")});
    }
    return {};
}

Result<MountsOrder> order_of(const Identity& identity, const RunSpec& spec) {
    MountsOrder order;
    const bool is_root = identity.by == MapBy::kernel;
    if (is_root) {
        const Lends lends = spec.lender.uid == 0 ? Lends::all_files : Lends::own_files;
        TRY_ASSIGN(const auto uids, map_owners(identity.uids, spec.lender.uid, spec.uid, lends));
        TRY_ASSIGN(const auto gids, map_owners(identity.gids, spec.lender.gid, spec.gid, lends));
        order.uid_map = render_map(uids);
        order.gid_map = render_map(gids);
    }
    for (const HostMount& mounted : spec.mounts) {
        if (!is_root && mounted.rights == MountRights::lender) {
            TRY(check_lending(mounted, identity, spec));
        }
        order.trees.push_back(
            {.destination = mounted.destination,
             .read_only = mounted.read_only,
             .rights = mounted.rights}
        );
    }
    return order;
}

}  // namespace

Result<std::vector<Fd>> open_mounts(
    const std::string& program, const Identity& identity, const Fd& users, const RunSpec& spec
) {
    if (spec.mounts.empty()) {
        return std::vector<Fd>();
    }
    if (spec.mounts.size() > k_most_mounts) {
        return fail(
            Code::too_large, "{} mounts; a run may have {}", spec.mounts.size(), k_most_mounts
        );
    }
    TRY_ASSIGN(const MountsOrder order, order_of(identity, spec));
    std::vector<int> files;
    for (const HostMount& mounted : spec.mounts) {
        files.push_back(mounted.fd);
    }
    TRY_ASSIGN(auto ends, Channel::pair());
    const Program helper{
        .arguments = {"kiln-sandbox", k_mounts_argument},
        .file = program,
        .descriptors = {-1, STDERR_FILENO, STDERR_FILENO, ends.second.fd(), users.get()}};
    TRY_ASSIGN(const pid_t process, start_program(helper), "while starting a helper for mounts");
    { const Channel closed = std::move(ends.second); }
    auto answer = [&]() -> Result<Message> {
        TRY(ends.first.send(MessageType::hello, render_mounts(order), files));
        return expect(ends.first.receive(), MessageType::done);
    }();
    ::kill(process, SIGKILL);
    wait_for(process);
    TRY(answer);
    if (answer->descriptors.size() != files.size()) {
        return fail(Code::corrupt, "the helper for mounts makes too few of them");
    }
    return std::move(answer->descriptors);
}

}  // namespace kiln::exec
