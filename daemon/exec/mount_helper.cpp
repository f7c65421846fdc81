#include "daemon/exec/mount_helper.hpp"

#include "daemon/exec/identity.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/mounts.hpp"
#include "daemon/exec/program.hpp"
#include "store/base/limits.hpp"

#include <fmt/format.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

namespace kiln::exec {
namespace {

Error in_another_place() {
    return Error{
        .code = Code::unsupported,
        .message = "it is not among the mounts that kilnd sees",
        .hint =
            "a client in a container can only lend what the host has mounted: run kiln on the "
            "host, or COPY the files into an image"};
}

/// A user namespace that nobody lives in: only its maps are wanted.
Result<Fd> make_owners(const MountsOrder& order) {
    const pid_t child = fork_into(CLONE_NEWUSER);
    if (child < 0) {
        return fail(Code::unsupported, "this machine gives no user namespace for owners");
    }
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        while (true) {
            ::pause();
        }
    }
    const auto opened = [&]() -> Result<Fd> {
        const std::string folder = fmt::format("/proc/{}/", child);
        for (const auto& [name, text] :
             {std::pair("uid_map", order.uid_map), std::pair("gid_map", order.gid_map)}) {
            TRY_ASSIGN(
                const Fd file, open_at(AT_FDCWD, folder + name, O_WRONLY, Resolve::anywhere)
            );
            TRY(write_all(file.get(), as_bytes(text)), "while mapping owners in {}", name);
        }
        return open_at(AT_FDCWD, folder + "ns/user", O_RDONLY, Resolve::anywhere);
    };
    auto owners = opened();
    ::kill(child, SIGKILL);
    wait_for(child);
    return owners;
}

/// The host's mounts, as a namespace that the worker's root may take trees from.
Result<void> take_mounts() {
    TRY(become_root_of(k_mounts_users));
    if (::unshare(CLONE_NEWNS) != 0) {
        return fail_errno("a mount namespace");
    }
    return {};
}

/// The file as the new mount namespace has it: what was opened before belongs to the old one. The
/// name is the kernel's own word for the open file, and counts only if it leads to that very file.
Result<Fd> open_again(const Fd& file) {
    std::array<char, limits::k_path_bytes> buffer{};
    const std::string link = fmt::format("/proc/self/fd/{}", file.get());
    const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
    const std::string path(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    TRY_ASSIGN(const struct stat wanted, stat_fd(file.get()));
    auto again = open_at(AT_FDCWD, path, O_PATH | O_NOFOLLOW, Resolve::anywhere);
    if (!again) {
        return fail(in_another_place());
    }
    TRY_ASSIGN(const struct stat found, stat_fd(again->get()));
    if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino) {
        return fail(in_another_place());
    }
    return again;
}

Result<Fd> make_tree(const Fd& file, const TreeOrder& order, const std::optional<Fd>& owners) {
    auto tree = clone_tree(file.get(), "", Submounts::take);
    if (!tree && errno == EINVAL) {
        return fail(in_another_place());
    }
    TRY(tree);
    const bool shifted = owners && order.rights == MountRights::lender;
    const TreeAttributes attributes{
        .read_only = order.read_only,
        .devices = order.rights == MountRights::device,
        .owners = shifted ? owners->get() : -1};
    auto set = set_attributes(tree->get(), attributes);
    if (!set && set.error().code == Code::unsupported && order.read_only) {
        // What anyone may read is no more than what the lender may; nothing can be written.
        set = set_attributes(tree->get(), {.read_only = true});
    }
    TRY(set);
    return tree;
}

Result<std::vector<Fd>> make_trees(const MountsOrder& order, const std::vector<Fd>& files) {
    const bool as_root = !order.uid_map.empty();
    std::optional<Fd> owners;
    if (as_root) {
        TRY_ASSIGN(owners, make_owners(order));
    } else {
        TRY(take_mounts());
    }
    std::vector<Fd> trees;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const TreeOrder& wanted = order.trees[i];
        const auto make = [&]() -> Result<Fd> {
            if (as_root) {
                return make_tree(files[i], wanted, owners);
            }
            TRY_ASSIGN(const Fd again, open_again(files[i]));
            return make_tree(again, wanted, owners);
        };
        TRY_ASSIGN(Fd tree, make(), "while mounting on {}", wanted.destination);
        trees.push_back(std::move(tree));
    }
    return trees;
}

Result<void> serve(Channel& control) {
    TRY_ASSIGN(const Message hello, expect(control.receive(), MessageType::hello));
    TRY_ASSIGN(const MountsOrder order, parse_mounts(hello.payload));
    if (order.trees.size() != hello.descriptors.size()) {
        return fail(Code::corrupt, "an order for mounts is not complete");
    }
    TRY_ASSIGN(const auto trees, make_trees(order, hello.descriptors));
    std::vector<int> numbers;
    for (const Fd& tree : trees) {
        numbers.push_back(tree.get());
    }
    return control.send(MessageType::done, {}, numbers);
}

}  // namespace

Bytes render_mounts(const MountsOrder& order) {
    PayloadWriter out;
    out.text(order.uid_map).text(order.gid_map).number(order.trees.size());
    for (const TreeOrder& tree : order.trees) {
        out.text(tree.destination)
            .number(tree.read_only ? 1 : 0)
            .number(static_cast<std::uint64_t>(tree.rights));
    }
    return {out.bytes().begin(), out.bytes().end()};
}

Result<MountsOrder> parse_mounts(ByteSpan payload) {
    PayloadReader in(payload);
    MountsOrder order;
    order.uid_map = in.text();
    order.gid_map = in.text();
    order.trees.resize(in.count());
    for (TreeOrder& tree : order.trees) {
        tree.destination = in.text();
        tree.read_only = in.number() != 0;
        const auto last = static_cast<std::uint64_t>(MountRights::device);
        tree.rights = static_cast<MountRights>(std::min(in.number(), last));
    }
    TRY(in.finish());
    return order;
}

int serve_mount_helper() {
    ::prctl(PR_SET_NAME, "kiln-mounts", 0, 0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    ::signal(SIGPIPE, SIG_IGN);
    ::fcntl(k_mounts_control, F_SETFD, FD_CLOEXEC);
    Channel control{Fd(k_mounts_control)};
    const auto served = serve(control);
    if (!served) {
        static_cast<void>(control.send(MessageType::failed, render_error(served.error())));
    }
    return served ? 0 : 1;
}

}  // namespace kiln::exec
