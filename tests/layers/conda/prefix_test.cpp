#include "layers/conda/prefix.hpp"

#include "tests/layers/conda/placeholder_text.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;

constexpr std::string_view k_build = "/build/long_placeholder_placehold";  // 33 bytes
constexpr std::string_view k_target = "/opt/env";

std::string text_of(std::string_view content, std::string_view target = k_target) {
    const auto patched =
        replace_prefix_in_text(as_bytes(content), {.placeholder = k_build, .target = target});
    EXPECT_THAT(patched, Succeeds());
    return std::string(as_text(*patched));
}

std::string binary_of(std::string content, std::string_view target = k_target) {
    const auto patched = replace_prefix_in_binary(
        std::as_writable_bytes(std::span(content)), {.placeholder = k_build, .target = target}
    );
    EXPECT_THAT(patched, Succeeds());
    return content;
}

std::string build(std::string_view rest = "") {
    return std::string(k_build) + std::string(rest);
}

std::string env(std::string_view rest = "") {
    return std::string(k_target) + std::string(rest);
}

constexpr std::size_t k_shorter = k_build.size() - k_target.size();

TEST(PrefixInText, EveryOccurrenceIsReplaced) {
    EXPECT_EQ(
        text_of("a=" + build("/lib") + ":" + build() + "\nb=" + build("\n")),
        "a=" + env("/lib") + ":" + env() + "\nb=" + env("\n")
    );
    EXPECT_EQ(text_of("nothing here"), "nothing here");
    EXPECT_EQ(text_of(""), "");
}

TEST(PrefixInText, WideEncodingsAreReplacedToo) {
    for (const auto& [width, at] : {std::pair{2U, 0U}, {2U, 1U}, {4U, 0U}, {4U, 3U}}) {
        EXPECT_EQ(
            text_of("x" + nuls(width) + wide("<" + build("/a") + ">", width, at)),
            "x" + nuls(width) + wide("<" + env("/a") + ">", width, at)
        ) << width
          << at;
    }
}

TEST(PrefixInText, AShebangThatFitsIsOnlyReplaced) {
    EXPECT_EQ(text_of("#!" + build("/bin/python -E\nx")), "#!" + env("/bin/python -E\nx"));
    const std::string fits = "/" + std::string(127 - 2 - 12, 'd');
    EXPECT_EQ(text_of("#!" + build("/bin/python\n"), fits), "#!" + fits + "/bin/python\n");
}

TEST(PrefixInText, ALongShebangStartsPythonThroughSh) {
    const std::string target = "/" + std::string(127, 'd');

    EXPECT_EQ(
        text_of("#!" + build("/bin/python3.8 -E\nimport sys\n"), target),
        "#!/bin/sh\n'''exec' \"" + target + "/bin/python3.8\" -E \"$0\" \"$@\" #'''\nimport sys\n"
    );
    EXPECT_EQ(text_of("#! " + build("/bin/perl -w\n"), target), "#!/usr/bin/env perl -w\n");
    EXPECT_EQ(text_of("#!" + build("/bin/python3.8.1\n"), target), "#!/usr/bin/env python3.8.1\n");
    // Without a line's end and in later lines there is nothing to check.
    EXPECT_EQ(text_of("\n#!" + build("/bin/perl\n"), target), "\n#!" + target + "/bin/perl\n");
}

TEST(PrefixInText, ASpaceInThePrefixIsQuotedForPythonAndAvoidedForOthers) {
    EXPECT_EQ(
        text_of("#!" + build("/bin/python\nx"), "/opt/my env"),
        "#!/bin/sh\n'''exec' \"/opt/my env/bin/python\" \"$0\" \"$@\" #'''\nx"
    );
    EXPECT_EQ(text_of("#!" + build("/bin/perl\nx"), "/opt/my env"), "#!/usr/bin/env perl\nx");
    EXPECT_EQ(text_of("#!/bin/sh\n" + build(), "/opt/my env"), "#!/bin/sh\n/opt/my env");
}

TEST(PrefixInBinary, TheRestOfTheStringMovesLeftAndTheLengthStays) {
    EXPECT_EQ(
        binary_of("\x7f" + build("/lib") + nuls(1) + "next" + nuls(1)),
        "\x7f" + env("/lib") + nuls(k_shorter + 1) + "next" + nuls(1)
    );
}

TEST(PrefixInBinary, SeveralInOneStringArePaddedTogether) {
    EXPECT_EQ(
        binary_of("p=" + build("/a:") + build("/b:") + build() + nuls(2) + "z"),
        "p=" + env("/a:") + env("/b:") + env() + nuls(3 * k_shorter + 2) + "z"
    );
}

TEST(PrefixInBinary, ALineEndIsPartOfTheString) {
    EXPECT_EQ(
        binary_of("c " + build(" --x\n--y ") + build("\n") + nuls(1)),
        "c " + env(" --x\n--y ") + env("\n") + nuls(2 * k_shorter + 1)
    );
}

TEST(PrefixInBinary, AStringWithoutEndStays) {
    const std::string open = nuls(1) + build("/lib");
    EXPECT_EQ(binary_of(open), open);
    EXPECT_EQ(binary_of(build() + nuls(1) + build()), env() + nuls(k_shorter + 1) + build());
}

TEST(PrefixInBinary, WideStringsKeepTheirLengthToo) {
    for (const auto& [width, at] : {std::pair{2U, 0U}, {2U, 1U}, {4U, 0U}, {4U, 3U}}) {
        EXPECT_EQ(
            binary_of(nuls(8) + wide(build("/a"), width, at) + nuls(width * 2)),
            nuls(8) + wide(env("/a"), width, at) + nuls(width * (k_shorter + 2))
        ) << width
          << at;
    }
}

TEST(PrefixInBinary, ALongerPrefixIsRefusedAndNothingChanges) {
    std::string content = build() + nuls(1);
    const std::string target = build("x");

    const auto patched = replace_prefix_in_binary(
        std::as_writable_bytes(std::span(content)), {.placeholder = k_build, .target = target}
    );

    EXPECT_THAT(patched, FailsWith(Code::invalid_input));
    EXPECT_EQ(content, build() + nuls(1));
}

TEST(PrefixInBinary, AnEqualLengthNeedsNoPadding) {
    const std::string target(k_build.size(), 'q');
    EXPECT_EQ(binary_of("a" + build("b") + nuls(1), target), "a" + target + "b" + nuls(1));
}

RC_GTEST_PROP(PrefixInBinary, LengthAndEverythingElseStays, ()) {
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        build(), build("/x"), std::string("text\n"), nuls(1), nuls(3), std::string("/build/long")
    ));
    std::string content;
    std::string expected_strings;
    for (const std::string& piece : pieces) {
        content += piece;
    }
    const std::string patched = binary_of(content);
    RC_ASSERT(patched.size() == content.size());
    // Without NULs both read as the same text with the prefix replaced, up to an open end.
    const auto squeezed = [](std::string text) {
        text.erase(std::remove(text.begin(), text.end(), '\0'), text.end());
        return text;
    };
    const std::size_t closed = content.rfind('\0') == std::string::npos ? 0 : content.rfind('\0');
    RC_ASSERT(
        squeezed(patched.substr(0, closed)) == text_of(squeezed(content.substr(0, closed)))
        || squeezed(content.substr(0, closed)).starts_with("#!")
    );
    RC_ASSERT(patched.substr(closed) == content.substr(closed));
}

}  // namespace
}  // namespace kiln::conda
