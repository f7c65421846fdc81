#include "tests/support/check_dockerignore.hpp"

#include "layers/dockerfile/ignore.hpp"
#include "layers/dockerfile/limits.hpp"

#include <array>
#include <string>

namespace kiln {

void check_dockerignore(std::string_view text) {
    const auto rules = dockerfile::IgnoreRules::parse(text, ".dockerignore");
    if (!rules) {
        ASSERT(!rules.error().message.empty());
        return;
    }
    ASSERT(rules->rules().size() <= dockerfile::k_ignore_rules);
    constexpr std::array<std::string_view, 9> k_paths = {
        "a",
        "b",
        "a/b",
        "a/b/a",
        "b/a/b/a",
        ".git/config",
        "a/a/a/a/a",
        "\xFF/\xE2\x98\xBA/x",
        "aab.b/ab"};
    for (const std::string_view path : k_paths) {
        const auto verdict = rules->match(path);
        ASSERT(!verdict.ignored || verdict.decided_by != nullptr);
        ASSERT(verdict.decided_by == nullptr || verdict.decided_by->exception != verdict.ignored);
        for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
            const std::string_view directory = path.substr(0, slash);
            const bool pruned =
                rules->match(directory).ignored && !rules->may_contain_exceptions(directory);
            ASSERT(!pruned || verdict.ignored);
        }
    }
}

}  // namespace kiln
