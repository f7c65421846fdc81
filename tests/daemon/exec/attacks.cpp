#include "tests/daemon/exec/attacks.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

/// One way out; 0 or more when it got through.
struct Attack {
    const char* name;
    long (*run)();
};

long make_device(dev_t device) {
    ::unlink("/device");
    if (::mknod("/device", S_IFBLK | 0600, device) != 0) {
        return -1;
    }
    return ::open("/device", O_RDONLY);
}

long make_memory_device() {
    ::unlink("/memory");
    if (::mknod("/memory", S_IFCHR | 0600, ::makedev(1, 1)) != 0) {
        return -1;
    }
    return ::open("/memory", O_RDONLY);
}

long open_for_writing(const char* path) {
    return ::open(path, O_WRONLY);
}

long unshare_users_and_mount() {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return -1;
    }
    return ::mount("none", "/tmp", "tmpfs", 0, nullptr);
}

long clone_with(unsigned long flags) {
    const long child = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
        ::_exit(0);
    }
    return child;
}

/// The classic way out of a chroot.
long climb_out_of_chroot() {
    ::mkdir("/deeper", 0755);
    if (::chroot("/deeper") != 0) {
        return -1;
    }
    for (int i = 0; i < 64; ++i) {
        if (::chdir("..") != 0) {
            return -1;
        }
    }
    if (::chroot(".") != 0) {
        return -1;
    }
    // Back at the image's root at most: the host's has a file that the test names.
    return ::access("/kiln-host-marker", F_OK);
}

/// A program file of the host, through the link that /proc shows of pid 1.
long open_init_program() {
    return ::open("/proc/1/exe", O_RDONLY);
}

long trace_init() {
    return ::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr);
}

long kill_init() {
    ::kill(1, SIGKILL);
    // Had it died, so had this process.
    errno = EPERM;
    return -1;
}

long see_other_processes() {
    // Only pid 1 and this process are here, and no number leads to the host's.
    for (int pid = 3; pid < 40000; ++pid) {
        if (pid != ::getpid() && ::kill(pid, 0) == 0) {
            return pid;
        }
    }
    errno = ESRCH;
    return -1;
}

long read_init_environment() {
    const int fd = ::open("/proc/1/environ", O_RDONLY);
    char byte = 0;
    return fd < 0 ? -1 : (::read(fd, &byte, 1) > 0 ? 0 : -1);
}

long list_init_descriptors() {
    return ::open("/proc/1/fd/3", O_RDONLY);
}

long connect_to(const char* name, std::size_t size) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name, size);
    return ::connect(
        fd,
        reinterpret_cast<const sockaddr*>(&address),
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size)
    );
}

long connect_to_abstract_socket() {
    constexpr char k_name[] = "\0kiln-test-abstract";
    return connect_to(k_name, sizeof k_name - 1);
}

long become_host_root() {
    // Outside of the map there is nobody to become.
    return ::setresuid(0x7ffffffe, 0x7ffffffe, 0x7ffffffe);
}

long change_host_name_of_kernel() {
    return open_for_writing("/proc/sys/kernel/core_pattern");
}

long remount_proc() {
    return ::mount("none", "/proc/sys", nullptr, MS_REMOUNT | MS_BIND, nullptr);
}

long read_kernel_log() {
    return ::syscall(SYS_syslog, 3, nullptr, 0);
}

long add_key() {
    return ::syscall(SYS_add_key, "user", "kiln-test", "x", 1, KEY_SPEC_USER_KEYRING);
}

long request_key() {
    return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

long open_by_handle() {
    struct {
        unsigned bytes = 8;
        int type = 1;
        unsigned inode = 2;
        unsigned generation = 0;
    } handle;

    const int root = ::open("/", O_RDONLY | O_DIRECTORY);
    return ::syscall(SYS_open_by_handle_at, root, &handle, O_RDONLY);
}

long connect_by_vsock() {
    return ::socket(40, SOCK_STREAM, 0);
}

/// Packets of the host, where its network is shared.
long open_packet_socket() {
    return ::socket(AF_PACKET, SOCK_RAW, 0);
}

constexpr Attack k_attacks[] = {
    {"mknod-disk", [] { return make_device(::makedev(254, 0)); }},
    {"mknod-sda", [] { return make_device(::makedev(8, 0)); }},
    {"mknod-mem", make_memory_device},
    {"unshare-user", unshare_users_and_mount},
    {"unshare-mount", [] { return static_cast<long>(::unshare(CLONE_NEWNS)); }},
    {"clone-user", [] { return clone_with(CLONE_NEWUSER); }},
    {"clone-mount", [] { return clone_with(CLONE_NEWNS); }},
    {"clone3", [] { return ::syscall(SYS_clone3, nullptr, 0); }},
    {"setns", [] { return static_cast<long>(::setns(::open("/proc/self/ns/user", O_RDONLY), 0)); }},
    {"mount-tmpfs", [] { return static_cast<long>(::mount("none", "/tmp", "tmpfs", 0, nullptr)); }},
    {"mount-new-api", [] { return ::syscall(SYS_fsopen, "tmpfs", 0); }},
    {"open-tree", [] { return ::syscall(SYS_open_tree, AT_FDCWD, "/", 1); }},
    {"umount-proc", [] { return static_cast<long>(::umount2("/proc/sys", MNT_DETACH)); }},
    {"remount-proc", remount_proc},
    {"pivot-root", [] { return ::syscall(SYS_pivot_root, ".", "."); }},
    {"chroot-climb", climb_out_of_chroot},
    {"init-exe", open_init_program},
    {"init-trace", trace_init},
    {"init-kill", kill_init},
    {"init-environ", read_init_environment},
    {"init-fd", list_init_descriptors},
    {"init-root", [] { return static_cast<long>(::open("/proc/1/root/store", O_RDONLY)); }},
    {"other-processes", see_other_processes},
    {"abstract-socket", connect_to_abstract_socket},
    {"host-root-id", become_host_root},
    {"core-pattern", change_host_name_of_kernel},
    {"sysrq", [] { return open_for_writing("/proc/sysrq-trigger"); }},
    {"kcore",
     [] {
         const int fd = ::open("/proc/kcore", O_RDONLY);
         char byte = 0;
         return fd < 0 || ::read(fd, &byte, 1) <= 0 ? -1L : 0L;
     }},
    {"sysfs-write", [] { return open_for_writing("/sys/kernel/uevent_helper"); }},
    {"kernel-log", read_kernel_log},
    {"add-key", add_key},
    {"session-keyring", request_key},
    {"open-by-handle", open_by_handle},
    {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
    {"perf", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
    {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0); }},
    {"io-uring", [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
    {"module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }},
    {"reboot", [] { return ::syscall(SYS_reboot, 0xfee1dead, 672274793, 0, nullptr); }},
    {"set-time", [] { return ::syscall(SYS_settimeofday, nullptr, nullptr); }},
    {"swap", [] { return ::syscall(SYS_swapoff, "/swap"); }},
    {"vsock", connect_by_vsock},
    {"packet-socket", open_packet_socket},
    {"host-marker", [] { return static_cast<long>(::access("/kiln-host-marker", F_OK)); }},
};

}  // namespace

int attack(std::string_view name) {
    for (const Attack& each : k_attacks) {
        if (name == each.name) {
            errno = 0;
            const long result = each.run();
            if (result >= 0) {
                std::printf("%s got through: %ld\n", each.name, result);
                return 1;
            }
            std::printf("%s was refused: %s\n", each.name, std::strerror(errno));
            return 0;
        }
    }
    if (name == "list") {
        for (const Attack& each : k_attacks) {
            std::puts(each.name);
        }
        return 0;
    }
    return 127;
}
