#include "client/render/error_drawing.hpp"
#include "client/render/table.hpp"
#include "client/render/text.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

namespace kiln::client {
namespace {

using testing::expect_golden;

ErrorDrawing knowing(Color color) {
    ErrorDrawing drawing(color);
    drawing.know(
        "Dockerfile",
        "FROM debian:12\n\n\n\n\nWORKDIR /srv\nCOPY app.py .\n\tRUN  échö \xff"
            + std::string(300, 'x') + "\n"
    );
    return drawing;
}

Error not_in_context() {
    return Error{
        .code = Code::not_found,
        .message = "app.py is not in the build context",
        .where = Span{"Dockerfile", 7, 6, 12},
        .hint = ".dockerignore line 3 (*.py) excludes it"};
}

TEST(ErrorDrawing, ShowsTheLineTheWordsAndTheHint) {
    EXPECT_EQ(
        knowing(Color::no).draw(not_in_context()),
        "error: app.py is not in the build context\n"
        "  --> Dockerfile:7:6\n"
        "   6 | WORKDIR /srv\n"
        "   7 | COPY app.py .\n"
        "     |      ^^^^^^\n"
        "hint: .dockerignore line 3 (*.py) excludes it\n"
    );
}

TEST(ErrorDrawing, DrawsEveryShapeOfAnError) {
    const ErrorDrawing drawing = knowing(Color::no);
    std::string text;
    const auto draw = [&](Error error) { text += drawing.draw(error) + '\n'; };

    draw({.code = Code::internal, .message = "only words"});
    draw({.code = Code::corrupt, .message = "words", .trail = {"while reading a", "while doing b"}}
    );
    draw({.message = "first line", .where = Span{"Dockerfile", 1, 1, 5}});
    draw({.message = "a point", .where = Span{"Dockerfile", 7, 6, 6}});
    draw({.message = "behind the line", .where = Span{"Dockerfile", 7, 60, 70}});
    draw({.message = "behind the file", .where = Span{"Dockerfile", 70, 1, 2}});
    draw({.message = "an unknown file", .where = Span{"other", 1, 1, 2}});
    draw({.message = "no place", .where = Span{"Dockerfile", 0, 0, 0}});
    draw({.message = "tabs and letters", .where = Span{"Dockerfile", 8, 7, 13}});
    draw({.message = "a long line", .where = Span{"Dockerfile", 8, 200, 210}});
    text += drawing.draw(wire::WarningEvent{"odd", Span{"Dockerfile", 6, 9, 13}, "be plain"});

    expect_golden("error_drawing/shapes.txt", text);
}

TEST(ErrorDrawing, PaintsWhereColourIsWanted) {
    EXPECT_NE(
        knowing(Color::yes).draw(not_in_context()).find("\x1b[1;31merror:\x1b[0m"),
        std::string::npos
    );
}

TEST(Text, CountsTheCellsOfATerminal) {
    EXPECT_EQ(display_width("plain"), 5U);
    EXPECT_EQ(display_width("échö"), 4U);
    EXPECT_EQ(display_width("日本"), 4U);
    EXPECT_EQ(display_width("e\xcc\x81"), 1U);
    EXPECT_EQ(display_width("\xff\xfe"), 2U);
}

TEST(Text, CutsAtTheWidthAndSaysSo) {
    EXPECT_EQ(truncate("abcdef", 6, Unicode::no), "abcdef");
    EXPECT_EQ(truncate("abcdefg", 6, Unicode::no), "abc...");
    EXPECT_EQ(truncate("abcdefg", 6, Unicode::yes), "abcde…");
    EXPECT_EQ(truncate("日本語", 5, Unicode::yes), "日本…");
    EXPECT_EQ(truncate("abcdef", 2, Unicode::no), "..");
    EXPECT_EQ(truncate("abcdef", 0, Unicode::yes), "");
}

TEST(Text, LetsNothingThroughThatDrawsOnTheTerminal) {
    EXPECT_EQ(clean_line("\x1b[31mred\x1b[0m \x1b]0;title\a\x1b]8;;x\x1b\\end"), "red end");
    EXPECT_EQ(clean_line("10%\r50%\r100%\r\n"), "100%");
    EXPECT_EQ(clean_line("a\tb\x01\x7f"), "a    b");
    EXPECT_EQ(clean_line("\xc3\x28\xed\xa0\x80"), "?(???");
    EXPECT_EQ(clean_line("\x1b["), "");
    EXPECT_EQ(clean_line("\x1b"), "");
}

TEST(Text, RendersDurations) {
    EXPECT_EQ(render_duration(0), "0.0s");
    EXPECT_EQ(render_duration(12'345), "12.3s");
    EXPECT_EQ(render_duration(125'000), "2m 05s");
    EXPECT_EQ(render_duration(3'720'000), "1h 02m");
}

TEST(Text, ShortensDigestsAndNothingElse) {
    EXPECT_EQ(short_digest("sha256:" + std::string(64, 'a')), "sha256:aaaaaaaaaaaa");
    EXPECT_EQ(short_digest("/a/bundle/that/lies/deep.kiln"), "/a/bundle/that/lies/deep.kiln");
}

TEST(Table, AlignsColumnsByWhatIsSeen) {
    Table table({{"NAME"}, {"SIZE", Align::right}, {"BY"}});
    table.add({"日本", "12 KiB", "COPY \x1b[31m. ."});
    table.add({"a", "1 B", ""});

    EXPECT_EQ(
        table.render(),
        "NAME    SIZE  BY\n"
        "日本  12 KiB  COPY . .\n"
        "a        1 B\n"
    );
}

}  // namespace
}  // namespace kiln::client
