#include "layers/conda/spec/match_spec.hpp"
#include "layers/conda/spec/version.hpp"
#include "layers/conda/spec/version_spec.hpp"
#include "tests/layers/conda/spec/parsed_version.hpp"
#include "tests/support/matchers.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {
namespace {

using Row = std::vector<std::string>;

std::filesystem::path table(std::string_view name) {
    return std::filesystem::path(KILN_SHARED_DIR) / "conda" / name;
}

std::vector<Row> rows_of(const std::filesystem::path& path) {
    std::vector<Row> rows;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        Row row(1);
        for (const char c : line) {
            if (c == '\t') {
                row.emplace_back();
            } else {
                row.back() += c;
            }
        }
        if (!line.empty()) {
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

TEST(RealVersions, AreInTheOrderOfTheTable) {
    const auto path = table("version-tables/real-versions-sorted.rattler-0.3.5.tsv");
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << path << " is absent";
    }
    const std::vector<Row> rows = rows_of(path);

    std::vector<Version> versions;
    for (const Row& row : rows) {
        versions.push_back(version(row.at(1)));
    }

    ASSERT_GT(rows.size(), 3'000U);
    for (std::size_t i = 1; i < rows.size(); ++i) {
        const auto order = versions[i - 1] <=> versions[i];
        EXPECT_TRUE(rows[i][0] == "=" ? order == 0 : order < 0)
            << versions[i - 1].text() << " " << rows[i][0] << " " << versions[i].text();
    }
    EXPECT_TRUE(std::is_sorted(versions.begin(), versions.end()));
}

TEST(RealVersions, ThatTheTableRejectsAreRefused) {
    const auto path = table("version-tables/real-versions-rejected.tsv");
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << path << " is absent";
    }

    for (const Row& row : rows_of(path)) {
        EXPECT_THAT(Version::parse(row.back()), testing::FailsWith(Code::invalid_input))
            << row.back();
    }
}

TEST(RealVersionSpecs, MatchTheVersionsOfTheTable) {
    const auto path = table("matchspec-tables/real-versionspec-matches.rattler-0.3.5.tsv");
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << path << " is absent";
    }
    const std::vector<Row> rows = rows_of(path);

    std::size_t wrong = 0;
    for (const Row& row : rows) {
        const auto spec = VersionSpec::parse(row.at(1));
        const bool right = spec && spec->matches(version(row.at(2))) == (row.at(3) == "1");
        const auto whole = MatchSpec::parse(row.at(0) + " " + row.at(1), SpecForm::depends);
        PackageRecord record{.name = row.at(0), .version = version(row.at(2)), .build = "0"};
        const bool whole_right = whole && whole->matches(record) == (row.at(3) == "1");
        wrong += right && whole_right ? 0 : 1;
        EXPECT_TRUE(right) << row[1] << " on " << row[2] << " is not " << row[3];
        EXPECT_TRUE(whole_right) << row[0] << " " << row[1] << " on " << row[2];
    }

    EXPECT_GT(rows.size(), 20'000U);
    EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace kiln::conda
