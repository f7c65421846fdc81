#include "store/base/error.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kiln {
namespace {

constexpr std::array<CodeFacts, 15> k_codes{{
    {Code::invalid_input, "invalid_input", 400, 2, Retry::no},
    {Code::not_found, "not_found", 404, 4, Retry::no},
    {Code::conflict, "conflict", 409, 4, Retry::no},
    {Code::too_large, "too_large", 413, 2, Retry::no},
    {Code::busy, "busy", 429, 7, Retry::yes},
    {Code::digest_mismatch, "digest_mismatch", 422, 5, Retry::once},
    {Code::corrupt, "corrupt", 500, 6, Retry::no},
    {Code::unsupported, "unsupported", 422, 2, Retry::no},
    {Code::permission, "permission", 403, 4, Retry::no},
    {Code::upstream, "upstream", 502, 5, Retry::once},
    {Code::timed_out, "timed_out", 504, 7, Retry::yes},
    {Code::out_of_space, "out_of_space", 507, 6, Retry::no},
    {Code::cancelled, "cancelled", 409, 130, Retry::no},
    {Code::step_failed, "step_failed", 422, 1, Retry::no},
    {Code::internal, "internal", 500, 70, Retry::no},
}};

}  // namespace

const CodeFacts& facts(Code code) {
    const CodeFacts& row = k_codes.at(static_cast<std::size_t>(code));
    ASSERT(row.code == code);
    return row;
}

std::optional<Code> parse_code(std::string_view name) {
    for (const CodeFacts& row : k_codes) {
        if (row.name == name) {
            return row.code;
        }
    }
    return std::nullopt;
}

Error Error::with_trail(std::string doing) && {
    trail.push_back(std::move(doing));
    return std::move(*this);
}

Error Error::with_where(Span span) && {
    where = std::move(span);
    return std::move(*this);
}

Error Error::with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
}

std::string Error::render() const {
    std::string text = message;
    for (std::size_t i = 0; i < trail.size(); ++i) {
        text += i == 0 ? " (" : "; ";
        text += trail[i];
    }
    return trail.empty() ? text : text + ")";
}

Error errno_error(int error_number, std::string what) {
    Code code = Code::internal;
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            code = Code::not_found;
            break;
        case ENOSPC:
        case EDQUOT:
            code = Code::out_of_space;
            break;
        case EACCES:
        case EPERM:
            code = Code::permission;
            break;
        case ENAMETOOLONG:
        case EISDIR:
            code = Code::invalid_input;
            break;
        default:
            break;
    }
    std::array<char, 128> buffer{};
    const char* reason = strerror_r(error_number, buffer.data(), buffer.size());
    return Error{.code = code, .message = fmt::format("{}: {}", what, reason)};
}

tl::unexpected<Error> fail_errno(std::string_view what) {
    const int error_number = errno;
    return fail(errno_error(error_number, std::string(what)));
}

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "assertion failed: %s at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace kiln
