#include "tests/support/mutation.hpp"

#include "tests/support/corpus.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace kiln::testing {

std::string arbitrary_mutation(const std::string& target) {
    std::vector<std::string> seeds;
    const auto folder = std::filesystem::path(KILN_SOURCE_DIR) / "fuzz/corpus" / target;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        seeds.push_back(read_text(entry.path()));
    }
    std::sort(seeds.begin(), seeds.end());
    std::string text = *rc::gen::elementOf(seeds);
    const auto piece = rc::gen::element<std::string>(
        "\n",
        " ",
        ":",
        "-",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        "#",
        "&a ",
        "*a",
        "~",
        "!!str ",
        "|\n",
        "0"
    );
    const int changes = *rc::gen::inRange(0, 4);
    for (int i = 0; i < changes; ++i) {
        const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
        const auto removed = *rc::gen::inRange<std::size_t>(0, 4);
        text.replace(at, std::min(removed, text.size() - at), *piece);
    }
    return text;
}

}  // namespace kiln::testing
