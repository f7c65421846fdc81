#include "tests/support/check_environment_yaml.hpp"

#include "layers/conda/input/environment_yaml.hpp"
#include "layers/conda/input/selector.hpp"

#include <algorithm>
#include <string>

namespace kiln::testing {

namespace {

void check_written(const std::vector<conda::Written>& list, std::size_t lines) {
    ASSERT(list.size() <= conda::k_specification_lines);
    for (const conda::Written& each : list) {
        ASSERT(!each.text.empty() && each.text.size() <= conda::k_specification_bytes);
        ASSERT(each.text.find_first_of("\r\n") == std::string::npos);
        ASSERT(each.span.line >= 1 && each.span.line <= lines);
        ASSERT(each.span.column >= 1 && each.span.end_column >= each.span.column);
    }
}

}  // namespace

void check_environment_yaml(ByteSpan bytes) {
    const std::string_view text = as_text(bytes);
    const auto lines = static_cast<std::size_t>(1 + std::count(text.begin(), text.end(), '\n'));
    for (const char* platform : {"linux-64", "win-64"}) {
        if (const auto selected = conda::apply_selectors(text, "e.yml", platform)) {
            ASSERT(
                std::count(selected->text.begin(), selected->text.end(), '\n')
                == std::count(text.begin(), text.end(), '\n')
            );
            const auto again = conda::apply_selectors(selected->text, "e.yml", platform);
            ASSERT(again.value().text == selected->text);
        }
        const auto read = conda::parse_environment_yaml(text, "e.yml", platform);
        if (!read) {
            ASSERT(!read.error().message.empty());
            continue;
        }
        check_written(read->channels, lines);
        check_written(read->specifications, lines);
        check_written(read->pip, lines);
        for (const auto& [name, value] : read->variables) {
            ASSERT(!name.empty() && name.find('=') == std::string::npos);
        }
    }
}

}  // namespace kiln::testing
