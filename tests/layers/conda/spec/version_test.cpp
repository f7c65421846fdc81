#include "layers/conda/spec/version.hpp"

#include "tests/layers/conda/spec/parsed_version.hpp"
#include "tests/support/matchers.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::conda {
namespace {

using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

/// Versions in ascending order; those of one row are equal.
void expect_ascending(const std::vector<std::vector<std::string_view>>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (std::size_t j = 0; j < rows.size(); ++j) {
            for (const auto left : rows[i]) {
                for (const auto right : rows[j]) {
                    EXPECT_TRUE((version(left) <=> version(right)) == (i <=> j))
                        << left << " and " << right;
                    EXPECT_EQ(version(left) == version(right), i == j) << left << " " << right;
                }
            }
        }
    }
}

TEST(Version, OrdersTheExampleOfCep33) {
    expect_ascending({
        {"0.4", "0.4.0"},
        {"0.4.1.rc", "0.4.1.RC"},
        {"0.4.1+local"},
        {"0.4.1+0.local"},
        {"0.4.1", "0.4.1+0"},
        {"0.4.1+1.local"},
        {"0.5a1"},
        {"0.5b3"},
        {"0.5C1"},
        {"0.5"},
        {"0.9.6"},
        {"0.960923"},
        {"1.0"},
        {"1.1dev1"},
        {"1.1a1"},
        {"1.1.0dev1", "1.1.dev1"},
        {"1.1.a1"},
        {"1.1.0rc1"},
        {"1.1.0.0", "1.1.0", "1.1"},
        {"1.1.post1", "1.1.0post1"},
        {"1.1post1"},
        {"1996.07.12"},
        {"1!0.4.1"},
        {"1!3.1.1.6"},
        {"2!0.4.1"},
    });
}

TEST(Version, OrdersOpensslByItsTrailingUnderscore) {
    expect_ascending({
        {"1.0.1dev"},
        {"1.0.1_"},
        {"1.0.1a"},
        {"1.0.1b"},
        {"1.0.1", "1.0.1.0"},
        {"1.0.1post"},
        {"1.0.2_"},
    });
    EXPECT_LT(version("1.0.1alpha_"), version("1.0.1alphab"));
    EXPECT_LT(version("1.0.1alpha"), version("1.0.1alpha_"));
}

TEST(Version, CountsWhatIsMissingAsZeroHoweverDeep) {
    expect_ascending({
        {"1.0.0.dev", "1.0.0.0dev"},
        {"1.0.0.a", "1.0.0.0a"},
        {"1.0.0.0.dev"},
        {"1", "1.0", "1.0.0.0.0", "1_0", "1-0", "0!1", "1+0.0", "01.00"},
        {"1.0.0.0.0.1"},
        {"1.0.0.0.1"},
        {"1.0.1"},
        {"1post"},
    });
    expect_ascending({{"1a0b"}, {"1a", "1a0", "1a.0"}, {"1a.0.1"}, {"1a0post"}, {"1a1"}});
}

TEST(Version, OrdersNumbersByValueUpToTheLast64Bits) {
    std::vector<std::string> texts;
    for (unsigned bit = 0; bit < 64; ++bit) {
        const std::uint64_t power = std::uint64_t{1} << bit;
        for (const std::uint64_t number : {power - 1, power}) {
            texts.push_back("1." + std::to_string(number));
        }
    }
    texts.push_back("1." + std::to_string(~std::uint64_t{0}));

    for (std::size_t i = 3; i < texts.size(); ++i) {
        EXPECT_LE(version(texts[i - 1]), version(texts[i])) << texts[i];
    }
    EXPECT_LT(version("1.107"), version("1.108"));
    EXPECT_LT(version("1.108"), version("1.109"));
    EXPECT_LT(version("1.20200909083119"), version("1.20200909083120"));
    EXPECT_THAT(Version::parse("1.18446744073709551616"), FailsSaying(Code::invalid_input, "64"));
}

TEST(Version, KeepsTheTextAndHashesTheMeaning) {
    const Version written = version("1.1.0RC1");

    EXPECT_EQ(written.text(), "1.1.0RC1");
    EXPECT_EQ(std::hash<Version>{}(written), std::hash<Version>{}(version("1.1.0rc1.0")));
    EXPECT_EQ(Version(), version("0"));
    EXPECT_EQ(Version().text(), "0");
}

TEST(Version, IsOfSegmentsThatAreNotEmpty) {
    for (const char* text :
         {"",    ".",   "_",     "1.",  ".1",     "1..2",  "1._2",  "1._",      "1__",  "1!",
          "!1",  "a!1", "1!2!3", "1+",  "+1",     "1+2+3", "1+a_",  "1 2",      "1*",   "1.*",
          "1\n", "1:2", "1,2",   "1/2", "v1-2_3", "1!+1",  "1+1!2", "\xc3\xa9", "1\x7f"}) {
        EXPECT_THAT(Version::parse(text), FailsWith(Code::invalid_input)) << text;
    }
}

TEST(Version, NamesThePlaceOfWhatIsWrong) {
    const auto parsed = Version::parse("1.2..3");

    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message, "'1.2..3' is not a version: a segment is empty");
    EXPECT_EQ(parsed.error().where, (Span{"", 1, 5, 6}));
}

TEST(Version, HasAtMost64Characters) {
    EXPECT_THAT(Version::parse(std::string(64, 'a')), Succeeds());
    EXPECT_THAT(Version::parse(std::string(65, '1')), FailsSaying(Code::invalid_input, "64"));
    std::string alternating;
    for (int i = 0; i < 32; ++i) {
        alternating += "a1";
    }
    EXPECT_THAT(Version::parse(alternating), Succeeds());
}

/// Any text of the characters of versions, mostly valid.
rc::Gen<std::string> version_text() {
    const auto piece = rc::gen::element<std::string>(
        "0",
        "1",
        "2",
        "00",
        "10",
        "108",
        "109",
        "300",
        "4294967296",
        "a",
        "b",
        "rc",
        "dev",
        "post",
        "A",
        "_",
        ".",
        ".",
        ".",
        ".",
        "+",
        "!",
        "-"
    );
    return rc::gen::map(
        rc::gen::resize(10, rc::gen::container<std::vector<std::string>>(piece)),
        [](const std::vector<std::string>& pieces) {
            std::string text;
            for (const std::string& part : pieces) {
                text += part;
            }
            return text;
        }
    );
}

rc::Gen<Version> any_version() {
    return rc::gen::map(
        rc::gen::suchThat(
            version_text(), [](const std::string& text) { return Version::parse(text).has_value(); }
        ),
        [](const std::string& text) { return *Version::parse(text); }
    );
}

RC_GTEST_PROP(VersionLaws, TheOrderIsTotal, ()) {
    const Version a = *any_version();
    const Version b = *any_version();
    const Version c = *any_version();

    RC_ASSERT(int{a < b} + int{b < a} + int{a == b} == 1);
    RC_ASSERT(!(a <= b && b <= c) || a <= c);
    RC_ASSERT(!(a == b && b == c) || a == c);
    RC_ASSERT(std::is_eq(a <=> a));
}

// The comparison of cep-33 as it is written there, segment by segment, to judge the keys.
using Component = std::pair<int, std::string>;  // rank of its kind, and what orders within it
using Part = std::vector<std::vector<Component>>;

Component number(std::string digits) {
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    return {2, std::string(32 - digits.size(), '0') + digits};
}

Part part_of(std::string text) {
    const bool trailing = !text.empty() && text.back() == '_';
    if (trailing) {
        text.pop_back();
    }
    Part part(1);
    std::string run;
    const auto flush = [&] {
        if (run.empty()) {
            return;
        }
        const bool digits = run.front() >= '0' && run.front() <= '9';
        if (!digits && part.back().empty()) {
            part.back().push_back(number("0"));
        }
        const int rank = run == "dev" ? 0 : run == "post" ? 3 : 1;
        part.back().push_back(digits ? number(run) : Component{rank, run});
        run.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = static_cast<char>(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
        const bool separator = c == '.' || c == '_' || c == '-';
        const auto digit = [](char x) { return x >= '0' && x <= '9'; };
        if (separator || (!run.empty() && digit(run.back()) != digit(c))) {
            flush();
        }
        if (separator) {
            part.emplace_back();
        } else {
            run += c;
        }
    }
    if (trailing && !run.empty() && run.front() >= '0' && run.front() <= '9') {
        flush();
    }
    run += trailing ? "_" : "";
    flush();
    return part;
}

std::weak_ordering compare_parts(Part left, Part right) {
    const std::size_t segments = std::max(left.size(), right.size());
    left.resize(segments);
    right.resize(segments);
    for (std::size_t i = 0; i < segments; ++i) {
        const std::size_t components = std::max(left[i].size(), right[i].size());
        left[i].resize(components, number("0"));
        right[i].resize(components, number("0"));
        if (left[i] != right[i]) {
            return left[i] < right[i] ? std::weak_ordering::less : std::weak_ordering::greater;
        }
    }
    return std::weak_ordering::equivalent;
}

std::weak_ordering compare_slowly(std::string_view left, std::string_view right) {
    const auto parts = [](std::string text) {
        std::array<Part, 3> all;
        const std::size_t bang = text.find('!');
        all[0] = part_of(bang == std::string::npos ? "0" : text.substr(0, bang));
        text = bang == std::string::npos ? text : text.substr(bang + 1);
        const std::size_t plus = text.find('+');
        std::replace(text.begin(), text.end(), '-', '_');
        all[1] = part_of(text.substr(0, plus));
        all[2] = part_of(plus == std::string::npos ? "0" : text.substr(plus + 1));
        return all;
    };
    const auto a = parts(std::string(left));
    const auto b = parts(std::string(right));
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (const auto order = compare_parts(a[i], b[i]); order != 0) {
            return order;
        }
    }
    return std::weak_ordering::equivalent;
}

RC_GTEST_PROP(VersionLaws, KeysCompareAsTheSegmentsDo, ()) {
    const Version a = *any_version();
    const Version b = *any_version();

    const bool same = (a <=> b) == compare_slowly(a.text(), b.text());
    RC_ASSERT(same);
}

}  // namespace
}  // namespace kiln::conda
