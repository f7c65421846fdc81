#include "layers/dockerfile/lexer.hpp"

#include "layers/dockerfile/limits.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::dockerfile {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

std::vector<LogicalLine> lines_of(std::string_view text) {
    auto lexer = Lexer::open(text, "Dockerfile");
    EXPECT_THAT(lexer, Succeeds());
    std::vector<LogicalLine> lines;
    while (lexer) {
        auto line = lexer->next();
        EXPECT_THAT(line, Succeeds());
        if (!line || !*line) {
            break;
        }
        lines.push_back(std::move(**line));
    }
    return lines;
}

std::vector<std::string> texts_of(std::string_view text) {
    std::vector<std::string> texts;
    for (const LogicalLine& line : lines_of(text)) {
        texts.push_back(line.text());
    }
    return texts;
}

TEST(Lexer, JoinsContinuedLinesAndDropsTheCommentsBetween) {
    EXPECT_THAT(
        texts_of("RUN a \\\n  # why\n  b\\\n\n  c\nRUN d \\\\\nRUN e\n"),
        ElementsAre("RUN a   b  c", "RUN d \\\\", "RUN e")
    );
}

TEST(Lexer, TakesTheEscapeOfTheDirective) {
    EXPECT_THAT(
        texts_of("# EsCaPe = `\nRUN a `\n b\nRUN c\\\n"), ElementsAre("RUN a  b", "RUN c\\")
    );
}

TEST(Lexer, ReadsDirectivesOnlyBeforeEverythingElse) {
    EXPECT_THAT(texts_of("\n# escape=`\nRUN a `\nRUN b\n"), ElementsAre("RUN a `", "RUN b"));
    EXPECT_THAT(texts_of("# hello\n# escape=`\nRUN a `\nRUN b\n"), ElementsAre("RUN a `", "RUN b"));
    EXPECT_THAT(
        texts_of("# unknown=x\n# escape=`\nRUN a `\nRUN b\n"), ElementsAre("RUN a `", "RUN b")
    );
}

TEST(Lexer, KeepsWhatDirectivesSayWithTheirPlace) {
    const auto lexer =
        Lexer::open("#syntax=docker/dockerfile:1 \n# check=skip=all\nFROM a\n", "Dockerfile");

    ASSERT_THAT(lexer, Succeeds());
    EXPECT_EQ(lexer->directives().syntax->text, "docker/dockerfile:1");
    EXPECT_EQ(lexer->directives().syntax->span, (Span{"Dockerfile", 1, 9, 28}));
    EXPECT_EQ(lexer->directives().check->text, "skip=all");
}

TEST(Lexer, RefusesABadOrRepeatedDirective) {
    EXPECT_THAT(
        Lexer::open("# escape=x\n", "Dockerfile"), FailsSaying(Code::invalid_input, "escape")
    );
    EXPECT_THAT(
        Lexer::open("# escape=`\n# escape=`\n", "Dockerfile"),
        FailsSaying(Code::invalid_input, "only one escape directive")
    );
}

TEST(Lexer, TakesAByteOrderMarkAndLinesOfWindows) {
    EXPECT_THAT(
        texts_of("\xEF\xBB\xBF# escape=`\r\nRUN a `\r\n b\r\n\r\nRUN c\r\n"),
        ElementsAre("RUN a  b", "RUN c")
    );
}

TEST(Lexer, KnowsWhereEachByteOfAJoinedLineWas) {
    const auto lines = lines_of("  RUN one \\\n two\n");

    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].span(4, 7), (Span{"Dockerfile", 1, 7, 10}));
    EXPECT_EQ(lines[0].span(9, 12), (Span{"Dockerfile", 2, 2, 5}));
    // A range over two lines ends with its first.
    EXPECT_EQ(lines[0].span(4, 12), (Span{"Dockerfile", 1, 7, 11}));
}

TEST(Lexer, GivesAnInstructionTheCommentsDirectlyAbove) {
    const auto lines = lines_of("# far\n\n# one\n#\n# two\nRUN a\nRUN b\n");

    EXPECT_THAT(lines[0].comments, ElementsAre("one", "", "two"));
    EXPECT_THAT(lines[1].comments, ElementsAre());
}

TEST(Lexer, WarnsOfAnEmptyLineInsideAnInstruction) {
    auto lexer = Lexer::open("RUN a \\\n\n\n b\n", "Dockerfile");
    ASSERT_THAT(lexer->next(), Succeeds());

    const auto warnings = lexer->take_warnings();

    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_EQ(warnings[0].rule, "NoEmptyContinuation");
    EXPECT_EQ(warnings[0].span.line, 2U);
}

TEST(Lexer, RefusesWhatIsNoTextFile) {
    const auto lexer = Lexer::open(std::string_view("FROM a\nR\0N b\n", 13), "Dockerfile");

    ASSERT_THAT(lexer, FailsSaying(Code::invalid_input, "NUL"));
    EXPECT_EQ(lexer.error().where, (Span{"Dockerfile", 2, 2, 3}));
}

TEST(Lexer, RefusesWhatIsTooLarge) {
    const std::string two_mib(2 * k_dockerfile_bytes, '\n');
    const std::string long_line = "RUN " + std::string(k_instruction_bytes, 'a');

    EXPECT_THAT(
        Lexer::open(two_mib, "Dockerfile"),
        FailsSaying(Code::too_large, "the Dockerfile is 2 MiB; at most 1 MiB is read")
    );
    EXPECT_THAT(Lexer::open(long_line, "Dockerfile")->next(), FailsWith(Code::too_large));
}

}  // namespace
}  // namespace kiln::dockerfile
