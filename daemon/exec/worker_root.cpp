#include "daemon/exec/worker_root.hpp"

#include "daemon/exec/identity.hpp"
#include "daemon/exec/message.hpp"
#include "daemon/exec/mounts.hpp"
#include "daemon/exec/rootfs.hpp"
#include "store/base/file.hpp"

#include <fmt/format.h>

#include <linux/keyctl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

namespace kiln::exec {
namespace {

constexpr std::size_t k_setting_bytes = 256;
constexpr std::size_t k_mountinfo_bytes = 16U * 1024 * 1024;

std::string setting(const std::string& path) {
    auto text = read_file_at(AT_FDCWD, path, k_setting_bytes);
    return text ? text->substr(0, text->find('\n')) : std::string();
}

/// The kernel refuses user namespaces to a process whose '/' is not a mount (chroot).
bool is_in_chroot() {
    const auto mounts = read_file_at(AT_FDCWD, "/proc/self/mountinfo", k_mountinfo_bytes);
    return mounts && mounts->find(" / / ") == std::string::npos
           && mounts->find(" / rw") == std::string::npos
           && mounts->find(" / ro") == std::string::npos;
}

Result<void> attach_copy(const char* source, int root, const char* name, Submounts submounts) {
    TRY_ASSIGN(const Fd tree, clone_tree(AT_FDCWD, source, submounts));
    TRY_ASSIGN(const Fd target, open_at(root, name, O_PATH, Resolve::beneath));
    return attach(tree.get(), target.get(), "");
}

Result<void> make_folder(int root, const char* name) {
    if (::mkdirat(root, name, 0755) != 0) {
        return fail_errno(name);
    }
    return {};
}

Result<void> add_devices(int root) {
    for (const char* device : {"null", "zero", "full", "random", "urandom", "tty"}) {
        const std::string name = fmt::format("dev/{}", device);
        const Fd file(::openat(root, name.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0666));
        if (!file.is_open()) {
            return fail_errno(name);
        }
        TRY(attach_copy(("/" + name).c_str(), root, name.c_str(), Submounts::leave));
    }
    return {};
}

Result<void> add_empty_folder(int root) {
    TRY_ASSIGN(const Fd empty, make_tmpfs("4k", "555"));
    TRY_ASSIGN(const Fd target, open_at(root, "empty", O_PATH, Resolve::beneath));
    TRY(attach(empty.get(), target.get(), ""));
    mount_attr read_only{};
    read_only.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
    if (::mount_setattr(empty.get(), "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0) {
        return fail_errno("make a folder read-only");
    }
    return {};
}

Result<void> build_root() {
    if (::unshare(CLONE_NEWNS) != 0
        || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        return fail_errno("a mount namespace");
    }
    // The working directory moved into the new namespace with its process; a descriptor would not.
    TRY_ASSIGN(const Fd store, clone_tree(AT_FDCWD, ".", Submounts::leave));
    TRY_ASSIGN(const Fd root, make_tmpfs("1m", "755"));
    TRY_ASSIGN(const Fd here, open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY, Resolve::anywhere));
    TRY(attach(root.get(), here.get(), ""));
    for (const char* name : {"store", "proc", "sys", "dev", "mnt", "empty", "tmp"}) {
        TRY(make_folder(root.get(), name));
    }
    TRY_ASSIGN(const Fd target, open_at(root.get(), "store", O_PATH, Resolve::beneath));
    TRY(attach(store.get(), target.get(), ""));
    TRY(attach_copy("/proc", root.get(), "proc", Submounts::take));
    TRY(attach_copy("/sys", root.get(), "sys", Submounts::take));
    TRY(add_devices(root.get()));
    TRY(add_empty_folder(root.get()));
    return become_root(root.get());
}

}  // namespace

Error explain_refusal(Error error, int error_number) {
    error.code = Code::unsupported;
    if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
        error.hint =
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns is 1: set it to 0, or give "
            "kilnd an AppArmor profile that allows userns";
    } else if (setting("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
        error.hint = "/proc/sys/kernel/unprivileged_userns_clone is 0: set it to 1";
    } else if (setting("/proc/sys/user/max_user_namespaces") == "0" || error_number == ENOSPC) {
        error.hint = fmt::format(
            "/proc/sys/user/max_user_namespaces is {}: set it higher",
            setting("/proc/sys/user/max_user_namespaces")
        );
    } else if (error_number == EPERM && is_in_chroot()) {
        error.hint =
            "kilnd runs in a chroot, and the kernel gives user namespaces to none: use "
            "pivot_root or a container with its own mounts";
    } else if (error_number == EPERM) {
        error.hint =
            "a container's seccomp or AppArmor profile may forbid it (docker: "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined)";
    } else if (error_number == EINVAL || error_number == ENOSYS) {
        error.hint = "this kernel lacks it (CONFIG_USER_NS, and Linux 5.12 or later)";
    }
    return error;
}

Result<void> enter_user_namespace(Channel& control) {
    // Nobody's keys: not those of the session that kilnd was started from.
    ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    if (::unshare(CLONE_NEWUSER) != 0) {
        const int error_number = errno;
        return fail(explain_refusal(
            {.message = fmt::format(
                 "this machine gives no user namespaces ({})",
                 errno_error(error_number, "unshare").message
             )},
            error_number
        ));
    }
    TRY(control.send(MessageType::unshared));
    TRY(expect(control.receive(), MessageType::mapped));
    return become_root();
}

Result<void> enter_worker_root() {
    auto built = build_root();
    if (!built) {
        const int error_number = errno;
        return fail(explain_refusal(std::move(built).error(), error_number)
                        .with_trail("while setting up the sandbox"));
    }
    ::umask(0);  // modes are given exactly
    // From here on nothing without CAP_SYS_PTRACE on the host may look into this process, or into
    // those it forks, until they execute something.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (::chdir(k_store_folder) != 0) {
        return fail_errno(k_store_folder);
    }
    return {};
}

}  // namespace kiln::exec
