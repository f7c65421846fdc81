#pragma once

#include <fmt/core.h>
#include <tl/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln {

/// What went wrong, as one closed table. HTTP status, exit code and retry advice follow from it
/// (see `facts`); a test checks that the table is total.
enum class Code : std::uint8_t {
    invalid_input,
    not_found,
    conflict,
    too_large,
    busy,
    digest_mismatch,
    corrupt,
    unsupported,
    permission,
    upstream,
    timed_out,
    out_of_space,
    cancelled,
    step_failed,
    internal,
};

enum class Retry : std::uint8_t { no, once, yes };

struct CodeFacts {
    Code code;
    std::string_view name;  // as in problem+json: "invalid_input"
    int http_status;
    int exit_code;
    Retry retry;
};

/// Shape    every Code has exactly one row.
const CodeFacts& facts(Code code);
std::optional<Code> parse_code(std::string_view name);

/// A place in a text that the user wrote. Lines and columns count from 1; columns count bytes.
struct Span {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t end_column = 0;  // behind the last byte; equal to column for a mere point
    bool operator==(const Span&) const = default;
};

/// One failure, in the words of the thing the user named. `trail` holds what was being done,
/// innermost first; `where` the place in the user's text; `hint` what to try.
struct Error {
    Code code = Code::internal;
    std::string message;
    std::vector<std::string> trail = {};
    std::optional<Span> where = std::nullopt;
    std::string hint = {};

    Error with_trail(std::string doing) &&;
    Error with_where(Span span) &&;
    Error with_hint(std::string text) &&;
    /// "message (while doing; while doing)", for logs and terminals.
    [[nodiscard]] std::string render() const;
};

/// A value or an Error. [[nodiscard]] on the type: no failure is dropped by accident.
template<class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  public:
    using tl::expected<T, Error>::expected;

    Result(tl::expected<T, Error> other)  // NOLINT(google-explicit-constructor): same meaning
        : tl::expected<T, Error>(std::move(other)) {}
};

/// The failure value of any Result: `return fail(Code::not_found, "{} is not in the store", name);`
template<class... Args>
tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected<Error>(Error{
        .code = code, .message = fmt::format(format, std::forward<Args>(args)...)});
}

inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

/// A failed call to the kernel; errno decides the code (ENOENT: not_found, ENOSPC: out_of_space,
/// EACCES and EPERM: permission, ENAMETOOLONG: invalid_input, otherwise internal).
Error errno_error(int error_number, std::string what);
/// The same of the call that was the last to set errno.
tl::unexpected<Error> fail_errno(std::string_view what);

/// Our own mistake, never the input's: logs and ends the process, in release too.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

namespace detail {
template<class... Args>
std::string trail_text(fmt::format_string<Args...> format, Args&&... args) {
    return fmt::format(format, std::forward<Args>(args)...);
}

inline std::string trail_text() {
    return {};
}

inline Error trailed(Error error, std::string doing) {
    return doing.empty() ? std::move(error) : std::move(error).with_trail(std::move(doing));
}
}  // namespace detail

}  // namespace kiln

#define KILN_CONCAT_INNER(a, b) a##b
#define KILN_CONCAT(a, b) KILN_CONCAT_INNER(a, b)

/// TRY(call) or TRY(call, "while reading {}", name): returns the failure, with the words added.
#define TRY(expression, ...)                                                         \
    do {                                                                             \
        if (auto&& kiln_try = (expression); !kiln_try) {                             \
            return ::kiln::fail(::kiln::detail::trailed(                             \
                std::move(kiln_try).error(), ::kiln::detail::trail_text(__VA_ARGS__) \
            ));                                                                      \
        }                                                                            \
    } while (false)

/// TRY_ASSIGN(auto x, call) or with words, as TRY.
#define TRY_ASSIGN(declaration, expression, ...) \
    TRY_ASSIGN_INNER(KILN_CONCAT(kiln_try_, __LINE__), declaration, expression, __VA_ARGS__)
#define TRY_ASSIGN_INNER(name, declaration, expression, ...)                 \
    auto&& name = (expression);                                              \
    if (!name) {                                                             \
        return ::kiln::fail(::kiln::detail::trailed(                         \
            std::move(name).error(), ::kiln::detail::trail_text(__VA_ARGS__) \
        ));                                                                  \
    }                                                                        \
    declaration = std::move(*name)

#define ASSERT(expression)               \
    ((expression) ? static_cast<void>(0) \
                  : ::kiln::assertion_failed(#expression, __FILE__, __LINE__))
