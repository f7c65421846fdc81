#pragma once

#include "store/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace kiln::dockerfile {

/// A user or group: a number, or a name to look up in the image's /etc/passwd or /etc/group.
using Account = std::variant<std::uint32_t, std::string>;

/// --chown=user[:group] and USER user[:group].
struct Owner {
    Account user;
    std::optional<Account> group;

    /// Shape    "user", "user:group", "1000:1000", "user:"; what is all digits is a number.
    /// Errors   invalid_input: empty, a number beyond 2^32-2.
    static Result<Owner> parse(std::string_view text);
    bool operator==(const Owner&) const = default;
};

}  // namespace kiln::dockerfile
