#pragma once

#include "layers/dockerfile/expand.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::dockerfile {

enum class MountType : std::uint8_t { bind, cache, tmpfs, secret, ssh };
enum class MountSharing : std::uint8_t { shared, private_, locked };

/// RUN --mount, expanded and checked. Empty texts were not given.
struct Mount {
    MountType type = MountType::bind;
    std::string from;    // stage, image or named context (bind, cache)
    std::string source;  // path below `from`
    std::string target;
    std::string id;                       // cache, secret, ssh
    std::optional<std::string> env;       // secret: the variable that holds it
    std::optional<MountSharing> sharing;  // cache
    bool read_only = true;
    bool required = false;         // secret, ssh
    std::uint64_t size_bytes = 0;  // tmpfs; 0: no limit given
    std::optional<std::uint32_t> mode;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
    Span span;
};

/// RUN --device: a CDI name.
struct Device {
    std::string name;
    bool required = false;
    Span span;
};

/// Errors   invalid_input with the flag's place and, for a misspelt key or value, the nearest name.
Result<Mount> parse_mount(const FieldsFlag& flag, const Lookup& lookup, char escape);
Result<Device> parse_device(const FieldsFlag& flag, const Lookup& lookup, char escape);

std::string_view name_of(MountType type);

}  // namespace kiln::dockerfile
