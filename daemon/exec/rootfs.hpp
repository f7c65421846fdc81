#pragma once

#include "daemon/exec/mounts.hpp"
#include "daemon/exec/stubs.hpp"
#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::exec {

/// Where the worker's own small root keeps things (worker_root.hpp makes it).
inline constexpr const char* k_store_folder = "/store";  // the unpacked layers
inline constexpr const char* k_empty_folder = "/empty";  // read-only, to hide folders with
inline constexpr const char* k_mount_folder = "/mnt";    // where an image is put together

/// A tree that is mounted nowhere yet, and its place in the image.
struct PlacedTree {
    int tree = -1;
    std::string destination;  // as in HostMount
};

struct RootfsPlan {
    OverlayPlan overlay;
    bool own_network = true;    // a fresh sysfs is for owners of their network only
    bool has_tty_group = true;  // group 5 owns terminals, where it exists
    std::string hosts_file;     // shown as /etc/hosts and /etc/resolv.conf
    std::string resolv_file;
    std::vector<PlacedTree> trees = {};  // of the host, in the order of mounting
    std::string made_directory = {};     // is there in the end; "" for none
};

/// Puts the image together at k_mount_folder, with Docker's /proc, /sys and /dev, and makes it '/'.
/// Shape    the stubs that were made in its upper directory, to be removed when it is unmounted.
/// Thread   pid 1 of fresh mount, pid and ipc namespaces, single-threaded.
Result<std::vector<Stub>> enter_rootfs(const RootfsPlan& plan);

}  // namespace kiln::exec
