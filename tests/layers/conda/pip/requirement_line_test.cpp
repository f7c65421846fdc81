#include "layers/conda/pip/requirement_line.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Result<std::vector<Requirement>> parse(const std::string& text) {
    return parse_requirement_line({text, Span{"environment.yml", 7, 5, 6}});
}

Requirement only(const std::string& text) {
    const auto parts = parse(text);
    EXPECT_THAT(parts, Succeeds()) << text;
    return parts && parts->size() == 1 ? parts->front() : Requirement{};
}

TEST(RequirementLine, WhatPipOpensItselfStaysAsItIs) {
    for (const char* text :
         {"flask",
          "flask[async] >=2,<3 ; python_version > '3.8'",
          "flask==2.0 --hash=sha256:aa",
          "https://h/flask-2.0-py3-none-any.whl",
          "flask @ https://h/flask-2.0.tar.gz#sha256=aa"}) {
        const Requirement part = only(text);
        EXPECT_EQ(part.kind, RequirementKind::package) << text;
        EXPECT_EQ(part.before + part.value + part.after, text);
    }
    EXPECT_THAT(*parse("   # a comment"), IsEmpty());
}

TEST(RequirementLine, FilesOfTheUserAreTold) {
    const Requirement wheel = only("./w/flask-2.0-py3-none-any.whl[async] ; python_version > '3'");
    const Requirement named = only("flask @ file:///w/flask-2.0.tar.gz");

    EXPECT_EQ(wheel.kind, RequirementKind::file);
    EXPECT_EQ(wheel.value, "./w/flask-2.0-py3-none-any.whl");
    EXPECT_EQ(wheel.after, "[async] ; python_version > '3'");
    EXPECT_EQ(named.kind, RequirementKind::file);
    EXPECT_EQ(named.before, "flask @ ");
    EXPECT_EQ(named.value, "file:///w/flask-2.0.tar.gz");
}

TEST(RequirementLine, OptionsHaveTheSpellingsThatPipKnows) {
    for (const char* text :
         {"-r a.txt", "-ra.txt", "--requirement a.txt", "--requirement=a.txt", "-r 'a.txt' # c"}) {
        EXPECT_EQ(only(text).kind, RequirementKind::requirements) << text;
        EXPECT_EQ(only(text).value, "a.txt") << text;
    }
    EXPECT_EQ(only("-c limits.txt").kind, RequirementKind::constraints);
    EXPECT_EQ(only("-f wheels").kind, RequirementKind::find_links);
    EXPECT_EQ(only("-f https://h/wheels").kind, RequirementKind::option);
    EXPECT_THAT(*parse("-i https://h/simple --extra-index-url https://g --pre"), SizeIs(3));
}

TEST(RequirementLine, WhatNothingCanPinIsRefusedAtItsPlace) {
    const std::vector<std::pair<const char*, const char*>> lines = {
        {"-e .", "cannot be locked"},
        {"--editable=.", "cannot be locked"},
        {"git+https://h/a.git@main", "no hash pins it"},
        {"a @ git+ssh://git@h/a.git", "no hash pins it"},
        {"./sources", "neither a wheel"},
        {".", "neither a wheel"},
        {"--install-option=x", "not supported"},
        {"flask ${TOKEN}", "variables"}};
    for (const auto& [line, said] : lines) {
        const auto parts = parse(line);
        EXPECT_THAT(parts, FailsSaying(Code::unsupported, said)) << line;
        EXPECT_EQ(parts.error().where->line, 7U) << line;
    }
    for (const char* line : {"-r", "--no-index=1", "-f 'a"}) {
        EXPECT_FALSE(parse(line).has_value()) << line;
    }
}

TEST(RequirementLine, CredentialsAreNoPartOfALock) {
    EXPECT_EQ(
        public_requirement("-i https://me:pw@h/simple --extra-index-url=https://t@g/x a==1"),
        "-i https://h/simple --extra-index-url=https://g/x a==1"
    );
    EXPECT_EQ(public_requirement("a @ https://h/b@c.zip"), "a @ https://h/b@c.zip");
}

TEST(RequirementLine, ABackslashJoinsLines) {
    const auto lines = requirement_lines("a==1 \\\n  --hash=sha256:aa\r\nb\n\nc\\", "r.txt");

    ASSERT_THAT(lines, SizeIs(4));
    EXPECT_EQ(lines[0].text, "a==1    --hash=sha256:aa");
    EXPECT_EQ(lines[1].text, "b");
    EXPECT_EQ(lines[1].span.line, 3U);
    EXPECT_EQ(lines[3].text, "c ");
}

RC_GTEST_PROP(RequirementLine, AnyLineIsReadOrRefused, (const std::string& text)) {
    const auto parts = parse(text);
    if (!parts) {
        RC_ASSERT(!parts.error().message.empty());
    }
}

}  // namespace
}  // namespace kiln::conda
