#include "layers/conda/spec/match_spec.hpp"
#include "store/base/json.hpp"
#include "tests/support/matchers.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

/// The files that repodata of whole channels is in; none where they are absent.
std::vector<std::filesystem::path> repodata_files() {
    const std::filesystem::path channels =
        std::filesystem::path(KILN_SHARED_DIR) / "conda/solver/channels";
    std::vector<std::filesystem::path> files;
    std::error_code absent;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(channels, absent)) {
        if (entry.path().filename() == "repodata.json") {
            files.push_back(entry.path());
        }
    }
    return files;
}

json::Value read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    auto value = json::parse(text, path.string());
    EXPECT_THAT(value, testing::Succeeds());
    return value ? *std::move(value) : json::Value();
}

/// Every text in depends and constrains of every record.
std::set<std::string> specifications(const std::vector<std::filesystem::path>& files) {
    std::set<std::string> all;
    for (const auto& file : files) {
        const json::Value repodata = read(file);
        for (const char* section : {"packages", "packages.conda"}) {
            const json::Value* records = repodata.as_object().if_contains(section);
            if (records == nullptr) {
                continue;
            }
            for (const auto& [name, record] : records->as_object()) {
                for (const char* key : {"depends", "constrains"}) {
                    const json::Value* list = record.as_object().if_contains(key);
                    for (const json::Value& text :
                         list == nullptr ? json::Array() : list->as_array()) {
                        all.emplace(text.as_string());
                    }
                }
            }
        }
    }
    return all;
}

TEST(RealRepodata, SpecificationsAreReadAndKeepTheirMeaning) {
    const auto files = repodata_files();
    if (files.empty()) {
        GTEST_SKIP() << "no channel in " << KILN_SHARED_DIR << "/conda/solver/channels";
    }

    const std::set<std::string> texts = specifications(files);

    EXPECT_GT(texts.size(), 10'000U);
    for (const std::string& text : texts) {
        const auto spec = MatchSpec::parse(text, SpecForm::depends);
        ASSERT_THAT(spec, testing::Succeeds()) << text;
        const auto again = MatchSpec::parse(spec->text());
        ASSERT_THAT(again, testing::Succeeds()) << text;
        EXPECT_EQ(*again, *spec) << text << " became " << spec->text();
    }
}

}  // namespace
}  // namespace kiln::conda
