#include "daemon/exec/rootfs.hpp"

#include <fmt/format.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace kiln::exec {
namespace {

constexpr unsigned long k_plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// Docker's lists (moby oci/defaults.go), with what kernels since then show.
constexpr std::array<const char*, 14> k_masked{
    "proc/acpi",
    "proc/asound",
    "proc/interrupts",
    "proc/kcore",
    "proc/keys",
    "proc/latency_stats",
    "proc/sched_debug",
    "proc/scsi",
    "proc/timer_list",
    "proc/timer_stats",
    "proc/key-users",
    "sys/firmware",
    "sys/devices/virtual/powercap",
    "sys/kernel/security"};
constexpr std::array<const char*, 5> k_read_only{
    "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};

constexpr std::array<const char*, 6> k_devices{"null", "zero", "full", "random", "urandom", "tty"};
constexpr std::array<std::pair<const char*, const char*>, 6> k_device_links{
    std::pair("fd", "/proc/self/fd"),
    std::pair("stdin", "/proc/self/fd/0"),
    std::pair("stdout", "/proc/self/fd/1"),
    std::pair("stderr", "/proc/self/fd/2"),
    std::pair("ptmx", "pts/ptmx"),
    std::pair("core", "/proc/kcore")};

std::string in_image(std::string_view path) {
    return fmt::format("{}/{}", k_mount_folder, path);
}

Result<void> bind_mount(const std::string& source, const std::string& target) {
    return mount({.source = source, .target = target, .flags = MS_BIND});
}

Result<void> make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0) {
        return fail_errno(path);
    }
    return {};
}

Result<void> mount_devices(bool has_tty_group) {
    const std::string dev = in_image("dev");
    TRY(mount(
        {.source = "tmpfs",
         .target = dev,
         .type = "tmpfs",
         .flags = MS_NOSUID | MS_STRICTATIME,
         .options = "mode=755,size=65536k"}
    ));
    for (const char* name : k_devices) {
        const std::string target = fmt::format("{}/{}", dev, name);
        const Fd file(::open(target.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0666));
        if (!file.is_open()) {
            return fail_errno(target);
        }
        TRY(bind_mount(fmt::format("/dev/{}", name), target));
    }
    for (const auto& [name, target] : k_device_links) {
        if (::symlink(target, fmt::format("{}/{}", dev, name).c_str()) != 0) {
            return fail_errno(name);
        }
    }
    for (const char* name : {"pts", "shm", "mqueue"}) {
        TRY(make_folder(fmt::format("{}/{}", dev, name)));
    }
    TRY(mount(
        {.source = "devpts",
         .target = dev + "/pts",
         .type = "devpts",
         .flags = MS_NOSUID | MS_NOEXEC,
         .options = has_tty_group ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
                                  : "newinstance,ptmxmode=0666,mode=0620"}
    ));
    TRY(mount(
        {.source = "shm",
         .target = dev + "/shm",
         .type = "tmpfs",
         .flags = k_plain,
         .options = "mode=1777,size=65536k"}
    ));
    return mount({.source = "mqueue", .target = dev + "/mqueue", .type = "mqueue", .flags = k_plain}
    );
}

Result<void> mount_kernel_views(bool own_network) {
    TRY(mount({.source = "proc", .target = in_image("proc"), .type = "proc", .flags = k_plain}));
    if (!own_network) {
        // sysfs shows the network of its mounter, which isn't ours to show.
        return bind_mount(k_empty_folder, in_image("sys"));
    }
    return mount(
        {.source = "sysfs",
         .target = in_image("sys"),
         .type = "sysfs",
         .flags = k_plain | MS_RDONLY}
    );
}

Result<void> hide_paths() {
    for (const char* path : k_masked) {
        const std::string target = in_image(path);

        struct stat facts {};

        if (::lstat(target.c_str(), &facts) != 0) {
            continue;
        }
        TRY(bind_mount(S_ISDIR(facts.st_mode) ? k_empty_folder : "/dev/null", target));
    }
    for (const char* path : k_read_only) {
        const std::string target = in_image(path);
        if (::access(target.c_str(), F_OK) != 0) {
            continue;
        }
        TRY(bind_mount(target, target));
        TRY(mount(
            {.source = target,
             .target = target,
             .flags = MS_REMOUNT | MS_BIND | MS_RDONLY | k_plain}
        ));
    }
    return {};
}

Result<void> show_file(Stubs& stubs, const std::string& source, const std::string& path) {
    TRY_ASSIGN(const auto target, stubs.file(path));
    if (!target) {
        return {};
    }
    TRY_ASSIGN(const Fd tree, clone_tree(AT_FDCWD, source, Submounts::leave));
    return attach(tree.get(), target->get(), "");
}

Result<void> show_tree(Stubs& stubs, const PlacedTree& placed) {
    TRY_ASSIGN(const struct stat facts, stat_fd(placed.tree));
    const auto kind = S_ISDIR(facts.st_mode) ? MountPoint::directory : MountPoint::file;
    TRY_ASSIGN(
        const Fd target,
        stubs.point(placed.destination, kind),
        "while mounting on {}",
        placed.destination
    );
    return attach(placed.tree, target.get(), "");
}

}  // namespace

Result<std::vector<Stub>> enter_rootfs(const RootfsPlan& plan) {
    TRY(mount_overlay(plan.overlay), "while mounting {} layers", plan.overlay.lowers.size());
    TRY_ASSIGN(const Fd root, open_directory(k_mount_folder));
    Stubs stubs(root.get());
    for (const char* folder : {"proc", "sys", "dev"}) {
        TRY(stubs.directory(folder));
    }
    TRY(show_file(stubs, plan.hosts_file, "etc/hosts"));
    TRY(show_file(stubs, plan.resolv_file, "etc/resolv.conf"));
    TRY(mount_kernel_views(plan.own_network));
    TRY(mount_devices(plan.has_tty_group));
    TRY(hide_paths());
    for (const PlacedTree& placed : plan.trees) {
        TRY(show_tree(stubs, placed));
    }
    if (!plan.made_directory.empty()) {
        TRY(stubs.open_or_make(plan.made_directory, MountPoint::directory));
    }
    TRY(become_root(root.get()));
    return stubs.made();
}

}  // namespace kiln::exec
