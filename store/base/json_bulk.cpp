#include "store/base/json_bulk.hpp"

#include <algorithm>

namespace kiln::json {

void append_quoted(std::string& out, std::string_view text) {
    const auto is_plain = [](char each) {
        return each >= ' ' && each < '\x7f' && each != '"' && each != '\\';
    };
    if (!std::ranges::all_of(text, is_plain)) {
        out += render(Value(text));
        return;
    }
    out += '"';
    out += text;
    out += '"';
}

}  // namespace kiln::json
