#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace kiln::testing {

/// What FakeRegistry was told to answer to the next requests of a kind.
struct Planned {
    std::string method;
    std::string part;
    int status;
    int times;
    std::string body;
    std::map<std::string, std::string> headers;
};

/// One answer; it may break off, or never end.
struct Answer {
    int status = 200;
    std::string body;
    std::map<std::string, std::string> headers;
    std::optional<std::uint64_t> cut_after = std::nullopt;
    bool endless = false;
};

/// The value of a query's parameter, as it was sent; "" when there is none.
inline std::string query_of(const std::string& target, const std::string& name) {
    const std::size_t found = target.find(name + "=");
    if (found == std::string::npos) {
        return "";
    }
    const std::size_t begin = found + name.size() + 1;
    return target.substr(begin, std::min(target.find('&', begin), target.size()) - begin);
}

}  // namespace kiln::testing
