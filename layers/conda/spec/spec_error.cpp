#include "layers/conda/spec/spec_error.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace kiln::conda {

tl::unexpected<Error> refuse(Code code, std::string message, Columns where, std::string hint) {
    const auto begin = static_cast<std::uint32_t>(where.begin);
    const auto end = static_cast<std::uint32_t>(std::max(where.begin, where.end));
    return fail(Error{
        .code = code,
        .message = std::move(message),
        .where = Span{.line = 1, .column = begin + 1, .end_column = end + 1},
        .hint = std::move(hint)});
}

Error shifted(Error error, std::size_t columns) {
    if (error.where) {
        error.where->column += static_cast<std::uint32_t>(columns);
        error.where->end_column += static_cast<std::uint32_t>(columns);
    }
    return error;
}

std::string quoted(std::string_view text) {
    constexpr std::size_t k_shown_bytes = 80;
    std::string shown(text.substr(0, k_shown_bytes));
    std::replace_if(
        shown.begin(),
        shown.end(),
        [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; },
        '?'
    );
    return "'" + shown + (text.size() > k_shown_bytes ? "…'" : "'");
}

}  // namespace kiln::conda
