#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::dockerfile {

/// One port of an image config: "80/tcp".
struct Port {
    std::uint16_t number = 0;
    std::string protocol;  // tcp, udp or sctp

    [[nodiscard]] std::string render() const;
    bool operator==(const Port&) const = default;
};

/// EXPOSE's word, expanded: "80", "80/udp", "8000-8010/tcp". A host part ("127.0.0.1:80:80",
/// "[::1]::80") is taken as docker does: checked, then dropped.
/// Errors   invalid_input that shows the word.
Result<std::vector<Port>> parse_ports(std::string_view text);

}  // namespace kiln::dockerfile
