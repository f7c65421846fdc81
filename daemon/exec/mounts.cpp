#include "daemon/exec/mounts.hpp"

#include <fmt/format.h>

#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace kiln::exec {
namespace {

constexpr unsigned k_at_recursive = 0x8000;  // AT_RECURSIVE of <linux/fcntl.h>

Result<Fd> take_fd(int fd, const std::string& what) {
    if (fd < 0) {
        return fail_errno(what);
    }
    return Fd(fd);
}

/// One setting of a file system under construction; a flag when `value` is null.
Result<void> configure(const Fd& context, const char* key, const char* value) {
    const auto command = value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (::fsconfig(context.get(), command, key, value, 0) != 0) {
        return fail_errno(value == nullptr ? key : fmt::format("{}={}", key, value));
    }
    return {};
}

Result<Fd> create(const Fd& context, unsigned attributes, const std::string& what) {
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return fail_errno(what);
    }
    return take_fd(::fsmount(context.get(), FSMOUNT_CLOEXEC, attributes), what);
}

Result<Fd> open_context(const char* type) {
    return take_fd(::fsopen(type, FSOPEN_CLOEXEC), type);
}

/// nullopt when this kernel does not know "lowerdir+".
Result<std::optional<Fd>> overlay_by_appending(const OverlayPlan& plan) {
    TRY_ASSIGN(const Fd context, open_context("overlay"));
    for (auto lower = plan.lowers.rbegin(); lower != plan.lowers.rend(); ++lower) {
        auto added = configure(context, "lowerdir+", lower->c_str());
        if (!added && errno == EINVAL && lower == plan.lowers.rbegin()) {
            return std::optional<Fd>();
        }
        TRY(added);
    }
    TRY(configure(context, "upperdir", plan.upper.c_str()));
    TRY(configure(context, "workdir", plan.work.c_str()));
    TRY(configure(context, "userxattr", nullptr));
    TRY(configure(context, "volatile", nullptr));
    TRY(configure(context, "index", "off"));
    TRY_ASSIGN(Fd made, create(context, 0, "overlay"));
    return std::optional(std::move(made));
}

/// The old way: all names in one page of options, so they are links "0", "1", … beside the upper
/// directory.
Result<void> overlay_by_links(const OverlayPlan& plan) {
    const std::string links = plan.work + "/../l";
    if (::mkdir(links.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail_errno(links);
    }
    TRY_ASSIGN(const Fd here, open_directory("."));
    TRY_ASSIGN(const Fd folder, open_directory(links));
    std::string lowers;
    for (std::size_t i = plan.lowers.size(); i-- > 0;) {
        const std::string name = std::to_string(i);
        // As seen from the links' folder, which lies two levels below the layers.
        const std::string target = "../../" + plan.lowers[i];
        if (::symlinkat(target.c_str(), folder.get(), name.c_str()) != 0 && errno != EEXIST) {
            return fail_errno(name);
        }
        lowers += (lowers.empty() ? "" : ":") + name;
    }
    const std::string options = fmt::format(
        "lowerdir={},upperdir=../../{},workdir=../../{},userxattr,volatile,index=off",
        lowers,
        plan.upper,
        plan.work
    );
    if (::fchdir(folder.get()) != 0) {
        return fail_errno(links);
    }
    auto mounted = exec::mount(
        {.source = "overlay",
         .target = plan.target,
         .type = "overlay",
         .flags = 0,
         .options = options}
    );
    if (::fchdir(here.get()) != 0) {
        return fail_errno("fchdir");
    }
    return mounted;
}

}  // namespace

Result<void> mount(const Mount& mount) {
    const char* options = mount.options.empty() ? nullptr : mount.options.c_str();
    const char* type = mount.type.empty() ? nullptr : mount.type.c_str();
    if (::mount(mount.source.c_str(), mount.target.c_str(), type, mount.flags, options) != 0) {
        return fail_errno(
            fmt::format("mount {} on {}", type == nullptr ? mount.source : type, mount.target)
        );
    }
    return {};
}

Result<Fd> clone_tree(int directory, const std::string& path, Submounts submounts) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    flags |= submounts == Submounts::take ? k_at_recursive : 0U;
    return take_fd(::open_tree(directory, path.c_str(), flags), path);
}

Result<Fd> make_tmpfs(const std::string& size, const std::string& mode) {
    TRY_ASSIGN(const Fd context, open_context("tmpfs"));
    TRY(configure(context, "size", size.c_str()));
    TRY(configure(context, "mode", mode.c_str()));
    return create(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "tmpfs");
}

Result<void> attach(int tree, int directory, const std::string& path) {
    if (::move_mount(
            tree, "", directory, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
        )
        != 0) {
        return fail_errno(fmt::format("mount on {}", path));
    }
    return {};
}

Result<void> set_attributes(int tree, const TreeAttributes& attributes) {
    mount_attr wanted{};
    wanted.attr_set = MOUNT_ATTR_NOSUID;
    wanted.attr_set |= attributes.read_only ? MOUNT_ATTR_RDONLY : 0U;
    wanted.attr_set |= attributes.devices ? 0U : MOUNT_ATTR_NODEV;
    if (attributes.owners >= 0) {
        wanted.attr_set |= MOUNT_ATTR_IDMAP;
        wanted.userns_fd = static_cast<decltype(wanted.userns_fd)>(attributes.owners);
    }
    wanted.propagation = MS_PRIVATE;
    constexpr unsigned k_flags = AT_EMPTY_PATH | k_at_recursive;
    if (::mount_setattr(tree, "", k_flags, &wanted, sizeof wanted) == 0) {
        return {};
    }
    if (attributes.owners >= 0 && (errno == EINVAL || errno == EPERM)) {
        return fail(Code::unsupported, "its file system can't show its files as another user's");
    }
    return fail_errno("mount_setattr");
}

Result<void> become_root(int directory) {
    if (::fchdir(directory) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) {
        return fail_errno("pivot_root");
    }
    // pivot_root(2): with both arguments ".", the old root lies on top of the new one.
    if (::mount(nullptr, ".", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
        || ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) {
        return fail_errno("leave the old root");
    }
    return {};
}

Result<void> mount_overlay(const OverlayPlan& plan) {
    TRY_ASSIGN(const auto appended, overlay_by_appending(plan));
    if (appended) {
        return attach(appended->get(), AT_FDCWD, plan.target);
    }
    return overlay_by_links(plan);
}

}  // namespace kiln::exec
