#include "tests/support/check_image_config.hpp"
#include "tests/support/check_manifest.hpp"
#include "tests/support/check_reference.hpp"

#include <rapidcheck/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

// The laws that the fuzzers check, on the seeds with a few bytes changed.

namespace kiln::testing {
namespace {

std::vector<std::string> seeds(const std::string& target) {
    std::vector<std::string> texts;
    const std::string directory = std::string(KILN_SOURCE_DIR) + "/fuzz/corpus/" + target;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        std::ifstream file(entry.path(), std::ios::binary);
        texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return texts;
}

/// A seed with bytes replaced, removed or doubled.
rc::Gen<std::string> mutated(const std::string& target) {
    return rc::gen::exec([texts = seeds(target)] {
        std::string text = *rc::gen::elementOf(texts);
        const int changes = *rc::gen::inRange(0, 4);
        for (int i = 0; i < changes && !text.empty(); ++i) {
            const std::size_t at = *rc::gen::inRange<std::size_t>(0, text.size());
            switch (*rc::gen::inRange(0, 3)) {
                case 0:
                    text[at] = *rc::gen::arbitrary<char>();
                    break;
                case 1:
                    text.erase(at, *rc::gen::inRange<std::size_t>(1, 40));
                    break;
                default:
                    text.insert(at, text.substr(at, *rc::gen::inRange<std::size_t>(1, 40)));
                    break;
            }
        }
        return text;
    });
}

RC_GTEST_PROP(HostileReference, ObeysTheLaws, ()) {
    check_reference(as_bytes(*mutated("reference")));
}

RC_GTEST_PROP(HostileManifest, ObeysTheLaws, ()) {
    check_manifest(as_bytes(*mutated("manifest")));
}

RC_GTEST_PROP(HostileImageConfig, ObeysTheLaws, ()) {
    check_image_config(as_bytes(*mutated("image_config")));
}

}  // namespace
}  // namespace kiln::testing
