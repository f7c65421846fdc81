#pragma once

#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::exec {

/// One mount(2). Errors carry the target.
struct Mount {
    std::string source;
    std::string target;
    std::string type = {};  // "" for binds and remounts
    unsigned long flags = 0;
    std::string options = {};
};

Result<void> mount(const Mount& mount);

/// A new directory of the caller's mount namespace, from an open one: what `directory` shows,
/// without (or with) what is mounted below it.
enum class Submounts : std::uint8_t { leave, take };
Result<Fd> clone_tree(int directory, const std::string& path, Submounts submounts);
/// A fresh tmpfs that is mounted nowhere yet.
Result<Fd> make_tmpfs(const std::string& size, const std::string& mode);
Result<void> attach(int tree, int directory, const std::string& path);

struct TreeAttributes {
    bool read_only = false;
    bool devices = false;
    int owners =
        -1;  // a user namespace: whose ids on disk are which of the host's; -1: as they are
};

/// Of a tree that is mounted nowhere yet and all below it; setuid programs do nothing there, and
/// what is mounted later on either side stays there. Errors   unsupported when a file system in it
/// can't show other owners.
Result<void> set_attributes(int tree, const TreeAttributes& attributes);

/// The open directory becomes '/', and nothing of the old tree can be reached any more.
Result<void> become_root(int directory);

struct OverlayPlan {
    std::vector<std::string> lowers;  // bottom first, names relative to the working directory
    std::string upper;
    std::string work;
    std::string target;
};

/// Mounts the overlay for a user namespace: `user.overlay.*` xattrs, no redirects, and `volatile`,
/// because what a RUN syncs is only durable once its layer is. More than a page of names is no
/// limit where the kernel has "lowerdir+" (6.8); elsewhere short links are made in `work`/../l.
/// Thread   a single-threaded process: it changes the working directory for a moment.
Result<void> mount_overlay(const OverlayPlan& plan);

}  // namespace kiln::exec
