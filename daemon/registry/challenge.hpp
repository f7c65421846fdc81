#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::registry {

/// One way to authenticate that a registry offers (RFC 9110, 11.6.1).
struct Challenge {
    std::string scheme;                             // lower case: "bearer", "basic"
    std::map<std::string, std::string> parameters;  // names in lower case
    bool operator==(const Challenge&) const = default;
};

/// Reads the value of WWW-Authenticate, which may hold several. What cannot be read is left out:
/// a registry's odd offer must not hide the next one.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace kiln::registry
