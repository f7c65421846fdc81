#include "layers/conda/spec/match_spec.hpp"
#include "tests/support/matchers.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What rattler's own tests recorded for specifications, compared field by field with what we read.

namespace kiln::conda {
namespace {

using Fields = std::map<std::string, std::string>;
using Entries = std::vector<std::pair<std::string, Fields>>;

std::filesystem::path snapshot(std::string_view name) {
    return std::filesystem::path(KILN_SHARED_DIR) / "conda/matchspec-tables/rattler-snapshots"
           / ("rattler_conda_types__match_spec__" + std::string(name) + ".snap");
}

/// A YAML scalar of these files: plain, or in double quotes with backslashes.
std::string scalar(std::string_view text) {
    if (text.size() < 2 || text.front() != '"') {
        return std::string(text);
    }
    std::string value;
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
        i += text[i] == '\\' ? 1U : 0U;
        value += text[i];
    }
    return value;
}

/// Entries are unindented keys; their fields follow, indented, those of a channel deeper.
Entries entries_of(const std::filesystem::path& path) {
    Entries entries;
    std::ifstream in(path);
    int rules = 0;
    for (std::string line; std::getline(in, line);) {
        if (line == "---") {
            ++rules;
        } else if (rules == 2 && line.ends_with(':') && line.front() != ' ') {
            entries.emplace_back(scalar(line.substr(0, line.size() - 1)), Fields{});
        } else if (rules == 2 && line.find(": ") != std::string::npos) {
            const std::size_t colon = line.find(": ");
            const std::size_t indent = line.find_first_not_of(' ');
            const std::string key = line.substr(indent, colon - indent);
            const std::string owner = indent > 2 ? "channel " : "";
            entries.back().second.emplace(owner + key, scalar(line.substr(colon + 2)));
        }
    }
    return entries;
}

std::string text_of(const FieldPattern* field) {
    return field == nullptr ? "" : field->text();
}

std::string get(const Fields& fields, const std::string& key) {
    const auto found = fields.find(key);
    return found == fields.end() ? "" : found->second;
}

/// The same fields; rattler writes `==0` for the build number that we call 0.
void expect_same(const std::string& text, const MatchSpec& ours, const Fields& theirs) {
    const std::string version = get(theirs, "version");
    const std::string build = get(theirs, "build");
    std::string number = get(theirs, "build_number");
    number = number.starts_with("==") ? number.substr(2) : number;
    const bool file = !get(theirs, "url").empty() && version.empty();
    if (theirs.count("name") > 0) {
        EXPECT_EQ(ours.name().text(), get(theirs, "name")) << text;
    }
    if (!file) {  // of a package file we know version and build as well (cep-29, appendix C)
        EXPECT_EQ(ours.version(), *VersionSpec::parse(version.empty() ? "*" : version)) << text;
        EXPECT_EQ(ours.build().text(), build.empty() ? "*" : build) << text;
    }
    EXPECT_EQ(text_of(ours.field(SpecField::build_number)), number) << text;
    EXPECT_EQ(text_of(ours.field(SpecField::subdir)), get(theirs, "subdir")) << text;
    EXPECT_EQ(text_of(ours.field(SpecField::url)), get(theirs, "url")) << text;
    const std::string channel = text_of(ours.field(SpecField::channel));
    const bool same_channel =
        channel == get(theirs, "channel name") || channel == get(theirs, "channel base_url");
    EXPECT_TRUE(same_channel) << text << ": " << channel;
}

/// Every entry of the file. `any_name` stands in front of specifications without a name.
void expect_snapshot(const std::filesystem::path& path, std::string_view any_name) {
    const Entries entries = entries_of(path);
    EXPECT_GT(entries.size(), 5U) << path;
    for (const auto& [text, fields] : entries) {
        const bool file = text.ends_with(".conda") || text.ends_with(".tar.bz2");
        const bool spaced = !any_name.empty() && text.find_first_of("=<>!~[") != 0;
        const std::string whole = file ? text : std::string(any_name) + (spaced ? " " : "") + text;
        const auto ours = MatchSpec::parse(whole);
        const std::string error = get(fields, "error");
        if (error == "invalid channel") {
            EXPECT_THAT(ours, testing::FailsWith(Code::invalid_input)) << text;
            continue;
        }
        ASSERT_THAT(ours, testing::Succeeds()) << text;
        if (error.empty()) {
            expect_same(text, *ours, fields);
        }
        // Otherwise rattler, when strict, refuses what cep-29 allows: `name=version=build`,
        // `version=3.9` for an equality, `name=*`, and `.*` beside a comparison.
    }
}

TEST(RattlerSnapshots, OfLenientSpecificationsAreReadTheSame) {
    const auto path = snapshot("parse__tests__test_from_string_Lenient");
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << path << " is absent";
    }
    expect_snapshot(path, "");
}

TEST(RattlerSnapshots, OfStrictSpecificationsAreReadTheSameWhereRattlerTakesThem) {
    const auto path = snapshot("parse__tests__test_from_string_Strict");
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << path << " is absent";
    }
    expect_snapshot(path, "");
}

TEST(RattlerSnapshots, OfSpecificationsWithoutNameAreReadAsOnesOfAnyName) {
    for (const char* name :
         {"parse__tests__test_nameless_from_string_Lenient",
          "parse__tests__test_nameless_from_string_Strict"}) {
        if (!std::filesystem::exists(snapshot(name))) {
            GTEST_SKIP() << snapshot(name) << " is absent";
        }
        expect_snapshot(snapshot(name), "*");
    }
}

TEST(RattlerSnapshots, OfRenderedSpecificationsAreReadAndKeepTheirMeaning) {
    const auto path = snapshot("tests__serialize_matchspec");
    if (!std::filesystem::exists(path)) {
        GTEST_SKIP() << path << " is absent";
    }
    std::ifstream in(path);
    int rules = 0;
    int specs = 0;
    for (std::string line; std::getline(in, line);) {
        rules += line == "---" ? 1 : 0;
        if (rules < 2 || line == "---") {
            continue;
        }
        const auto ours = MatchSpec::parse(line);
        ASSERT_THAT(ours, testing::Succeeds()) << line;
        const auto again = MatchSpec::parse(ours->text());
        ASSERT_THAT(again, testing::Succeeds()) << ours->text();
        EXPECT_EQ(*again, *ours) << line;
        ++specs;
    }
    EXPECT_GT(specs, 4);
}

}  // namespace
}  // namespace kiln::conda
