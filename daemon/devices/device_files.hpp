#pragma once

#include "daemon/devices/cdi_spec.hpp"
#include "daemon/exec/run_spec.hpp"
#include "store/base/file.hpp"

#include <string>
#include <vector>

namespace kiln::daemon {

/// Where the host's administrator and its drivers describe devices; a later directory goes before
/// an earlier one. It is the host's configuration, so the daemon reads it: no client names a path.
std::vector<std::string> cdi_directories();

/// What the devices need, each thing once.
/// Errors   not_found: no such device, with those that there are or where was looked; what is wrong
///          with a file only if no other has the device. Thread   blocks.
Result<CdiEdits> find_devices(
    const std::vector<std::string>& directories, const std::vector<std::string>& names
);

/// The files of some edits, open. Device nodes give what their mode gives anyone: the command is
/// nobody that the host knows.
struct DeviceFiles {
    std::vector<Fd> files;
    std::vector<exec::HostMount> mounts;
};

/// Errors   not_found, naming the file that the host lacks.
Result<DeviceFiles> open_device_files(const CdiEdits& edits);

}  // namespace kiln::daemon
