#include "layers/dockerfile/owner.hpp"

#include "store/base/limits.hpp"

#include <charconv>

namespace kiln::dockerfile {
namespace {

Result<Account> account(std::string_view text, std::string_view whole) {
    if (text.find_first_not_of("0123456789") != std::string_view::npos) {
        if (text.size() > limits::k_name_bytes) {
            return fail(Code::invalid_input, "{} is too long a name", text);
        }
        return Account(std::string(text));
    }
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // 2^32-1 means "leave it" to chown(2).
    if (error != std::errc() || number == UINT32_MAX) {
        return fail(
            Code::invalid_input, "{} in {} is not a number of a user or group", text, whole
        );
    }
    return Account(number);
}

}  // namespace

Result<Owner> Owner::parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view user = text.substr(0, colon);
    const std::string_view group = colon == text.npos ? "" : text.substr(colon + 1);
    if (user.empty() || group.find(':') != text.npos) {
        const std::string_view shown = text.empty() ? "an empty text" : text;
        return fail(Code::invalid_input, "{} is not user or user:group", shown);
    }
    Owner owner;
    TRY_ASSIGN(owner.user, account(user, text));
    if (!group.empty()) {
        TRY_ASSIGN(owner.group, account(group, text));
    }
    return owner;
}

}  // namespace kiln::dockerfile
