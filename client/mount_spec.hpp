#pragma once

#include "store/base/error.hpp"
#include "store/base/file.hpp"

#include <string>
#include <string_view>

namespace kiln::client {

/// One --mount of a run.
struct MountSpec {
    std::string source;
    std::string destination;
    bool read_only = false;

    /// "SRC:DST", "SRC:DST:ro" (or :rw), the source with as many colons as it likes; or docker's
    /// "type=bind,src=SRC,dst=DST,readonly".
    /// Errors   invalid_input; unsupported by name.
    static Result<MountSpec> parse(std::string_view text);

    /// The directory or file that is lent, opened as a place only: what may be done there is
    /// decided when it is done. Errors   not_found; permission.
    [[nodiscard]] Result<Fd> open() const;
};

}  // namespace kiln::client
