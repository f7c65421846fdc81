#include "layers/dockerfile/port.hpp"

#include "layers/dockerfile/unicode.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace kiln::dockerfile {
namespace {

struct PortRange {
    std::uint16_t first;
    std::uint16_t last;
};

std::optional<std::uint16_t> number_of(std::string_view text) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(number) : std::nullopt;
}

/// "80" or "80-90".
std::optional<PortRange> range_of(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = number_of(text.substr(0, dash));
    const auto last = dash == text.npos ? first : number_of(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return PortRange{*first, *last};
}

/// "ip:host:container", "host:container", "container": an address may hold colons of its own, so
/// the last two parts are the ports.
struct Parts {
    std::string_view host;
    std::string_view container;
};

Parts parts_of(std::string_view text) {
    const std::size_t last = text.rfind(':');
    if (last == text.npos) {
        return {"", text};
    }
    const std::string_view before = text.substr(0, last);
    const std::size_t previous = before.rfind(':');
    return {previous == text.npos ? before : before.substr(previous + 1), text.substr(last + 1)};
}

}  // namespace

std::string Port::render() const {
    return fmt::format("{}/{}", number, protocol);
}

Result<std::vector<Port>> parse_ports(std::string_view text) {
    const std::size_t slash = text.rfind('/');
    const std::string protocol =
        slash == text.npos || slash + 1 == text.size() ? "tcp" : lower(text.substr(slash + 1));
    const Parts parts = parts_of(text.substr(0, slash));
    if (parts.container.empty()) {
        return fail(Code::invalid_input, "{} names no port", text.empty() ? "an empty text" : text);
    }
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
        return fail(
            Code::invalid_input, "{} has the protocol {}; tcp, udp and sctp exist", text, protocol
        );
    }
    const auto container = range_of(parts.container);
    const auto host = parts.host.empty() ? container : range_of(parts.host);
    if (!container || !host) {
        return fail(Code::invalid_input, "{} is not a port such as 80, 80/udp or 80-90", text);
    }
    const int count = container->last - container->first;
    if (!parts.host.empty() && host->last - host->first != count && count != 0) {
        return fail(Code::invalid_input, "{} maps a range to one of another length", text);
    }
    std::vector<Port> ports;
    for (int i = 0; i <= count; ++i) {
        ports.push_back({static_cast<std::uint16_t>(container->first + i), protocol});
    }
    return ports;
}

}  // namespace kiln::dockerfile
