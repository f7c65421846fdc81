#include "tests/support/check_conda_lock.hpp"
#include "tests/support/check_environment_yaml.hpp"
#include "tests/support/check_pixi_lock.hpp"
#include "tests/support/corpus.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

/// The seeds of the fuzz targets, a few bytes changed: near to what is valid, and so past the first
/// checks.
std::string arbitrary_mutation(const char* target) {
    std::vector<std::string> seeds;
    const auto folder = std::filesystem::path(KILN_SOURCE_DIR) / "fuzz/corpus" / target;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        seeds.push_back(testing::read_text(entry.path()));
    }
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

RC_GTEST_PROP(HostileInput, AnEnvironmentKeepsItsLaws, ()) {
    testing::check_environment_yaml(as_bytes(arbitrary_mutation("environment_yaml")));
}

RC_GTEST_PROP(HostileInput, ACondaLockKeepsItsLaws, ()) {
    testing::check_conda_lock(as_bytes(arbitrary_mutation("conda_lock")));
}

RC_GTEST_PROP(HostileInput, APixiLockKeepsItsLaws, ()) {
    testing::check_pixi_lock(as_bytes(arbitrary_mutation("pixi_lock")));
}

}  // namespace
}  // namespace kiln::conda
