#pragma once

#include "store/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::daemon {

/// A file that is longer is no description of a machine's devices: those of eight GPUs have 100
/// KiB.
inline constexpr std::size_t k_cdi_bytes = 1024UL * 1024;
/// Devices of a specification, and edits of one kind for one device.
inline constexpr std::size_t k_cdi_items = 4096;

/// A device node of the host, or another file of it, and where a container has it.
struct CdiFile {
    std::string host_path;
    std::string path;  // in the container
    bool read_only = false;
};

/// What a container needs for a device (CDI specification, containerEdits).
struct CdiEdits {
    std::vector<std::string> env;  // NAME=value
    std::vector<CdiFile> nodes;
    std::vector<CdiFile> mounts;
    std::vector<std::string> not_done;  // "the hook createContainer (/usr/bin/nvidia-cdi-hook)"

    void append(const CdiEdits& other);
};

struct CdiDevice {
    std::string name;
    CdiEdits edits;
};

/// One file of /etc/cdi: JSON, or YAML, of which JSON is a part.
struct CdiSpec {
    std::string kind;  // "vendor.com/class"
    std::vector<CdiDevice> devices;
    CdiEdits edits;  // of every device of the file

    /// Keys of later versions are passed over, as the specification wants it.
    /// Errors   invalid_input with the place; too_large.
    static Result<CdiSpec> parse(std::string_view text, const std::string& file);
};

/// "vendor.com/class=name", taken apart.
struct CdiName {
    std::string kind;
    std::string device;  // "all": every device of the kind, unless one is called so

    /// Errors   invalid_input.
    static Result<CdiName> parse(std::string_view text);
};

}  // namespace kiln::daemon
