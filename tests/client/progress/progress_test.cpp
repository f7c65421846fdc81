#include "client/progress/progress.hpp"

#include "client/progress/step_log.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::expect_golden;
using ::testing::IsEmpty;

wire::StepEvent step(std::uint64_t id, std::string name, wire::StepStatus status) {
    wire::StepEvent event;
    event.id = id;
    event.name = std::move(name);
    event.status = status;
    return event;
}

wire::LogEvent log(std::uint64_t id, std::string bytes) {
    return {id, wire::Stream::out, std::move(bytes)};
}

/// One build as a daemon tells it: cached, run with output, failed, with a warning and a transfer.
struct Told {
    std::uint64_t at_ms;
    wire::Event event;
};

std::vector<Told> a_build() {
    using wire::StepStatus;
    const std::string run = "[2/4] RUN make";
    auto done = step(2, run, StepStatus::done);
    done.duration_ms = 3'450;
    done.size_bytes = 13'002'342;
    auto failed = step(3, "[3/4] RUN make test", StepStatus::failed);
    failed.duration_ms = 61'000;
    const std::string digest = "sha256:" + std::string(64, 'a');
    std::vector<Told> told;
    const auto tell = [&](std::uint64_t at_ms, auto body) {
        wire::Event event;
        event.seq = told.size() + 1;
        event.body = std::move(body);
        told.push_back({at_ms, std::move(event)});
    };
    tell(1000, step(1, "[1/4] FROM debian:12", StepStatus::waiting));
    tell(1000, step(2, run, StepStatus::waiting));
    tell(1000, step(3, "[3/4] RUN make test", StepStatus::waiting));
    tell(1001, step(1, "[1/4] FROM debian:12", StepStatus::cached));
    tell(1002, step(2, run, StepStatus::running));
    tell(1100, log(2, "cc -c one.c\ncc -c tw"));
    tell(1200, log(2, "o.c\n\x1b[31mwarning\x1b[0m: \xff odd\rwarning: redrawn\n"));
    tell(1300, wire::ProgressEvent{2, "compress", "layer", 1'000'000, 4'000'000});
    tell(4400, wire::ProgressEvent{2, "compress", "layer", 4'000'000, 4'000'000});
    tell(4450, done);
    tell(
        4451, wire::WarningEvent{"stage \"x\" is not used", Span{"Dockerfile", 2, 1, 7}, "drop it"}
    );
    tell(4500, step(3, "[3/4] RUN make test", StepStatus::running));
    tell(4600, log(3, "FAILED: one\n"));
    tell(4700, wire::ProgressEvent{std::nullopt, "push", digest, 0, 2'000'000});
    tell(5800, wire::ProgressEvent{std::nullopt, "push", digest, 500'000, 2'000'000});
    tell(7000, wire::ProgressEvent{std::nullopt, "push", digest, 2'000'000, 2'000'000});
    tell(7100, log(3, "last words"));
    tell(65'500, failed);
    return told;
}

std::string drawn(ProgressMode mode, const ProgressStyle& style, std::size_t columns) {
    ErrorDrawing drawing(Color::no);
    drawing.know("Dockerfile", "FROM debian:12\nFROM debian:12 AS x\n");
    const auto progress = make_progress(mode, style, drawing);
    std::string text;
    Moment moment{.now_ms = 1000, .columns = columns, .rows = 8};
    for (const Told& told : a_build()) {
        moment.now_ms = told.at_ms;
        const std::string part =
            progress->take(told.event, R"({"seq":)" + std::to_string(told.event.seq) + "}", moment);
        if (!part.empty()) {
            text += "--- " + std::to_string(told.at_ms) + " ms\n" + part;
        }
    }
    return text + "--- end\n" + progress->finish(moment);
}

/// Escape sequences as a reader of the golden file sees them.
std::string visible(const std::string& text) {
    std::string shown;
    for (const char c : text) {
        if (c == '\x1b') {
            shown += "<ESC>";
        } else if (c == '\r') {
            shown += "<CR>";
        } else {
            shown += c;
        }
    }
    return shown;
}

TEST(PlainProgress, TellsOneLineAnEvent) {
    expect_golden("progress/plain.txt", drawn(ProgressMode::plain, {}, 80));
}

TEST(JsonProgress, GivesTheEventsAsTheyAre) {
    expect_golden("progress/json.txt", drawn(ProgressMode::json, {}, 80));
}

TEST(QuietProgress, SpeaksOnlyOfWhatFailed) {
    expect_golden("progress/quiet.txt", drawn(ProgressMode::quiet, {}, 80));
}

TEST(TtyProgress, DrawsFramesInPlace) {
    expect_golden("progress/tty.txt", visible(drawn(ProgressMode::tty, {}, 60)));
}

TEST(TtyProgress, DrawsColourAndMarksWhereTheTerminalHasThem) {
    const ProgressStyle style{.color = Color::yes, .unicode = Unicode::yes};

    expect_golden("progress/tty_colour.txt", visible(drawn(ProgressMode::tty, style, 60)));
}

TEST(TtyProgress, IsNeverTallerThanTheTerminal) {
    const ErrorDrawing drawing(Color::no);
    const auto progress = make_progress(ProgressMode::tty, {}, drawing);
    Moment moment{.now_ms = 0, .columns = 40, .rows = 10};

    for (std::uint64_t id = 1; id <= 50; ++id) {
        wire::Event event;
        event.body =
            step(id, "[" + std::to_string(id) + "/50] RUN true", wire::StepStatus::running);
        progress->take(event, "", moment);
        event.body = log(id, "one\ntwo\nthree\n");
        progress->take(event, "", moment);
    }
    moment.now_ms = 1000;
    const std::string frame = progress->tick(moment);

    EXPECT_LT(std::count(frame.begin(), frame.end(), '\n'), 10);
}

TEST(TtyProgress, NeverDrawsALineWiderThanTheTerminal) {
    const ErrorDrawing drawing(Color::no);
    for (std::size_t columns = 20; columns < 90; columns += 7) {
        const auto progress = make_progress(ProgressMode::tty, {}, drawing);
        Moment moment{.now_ms = 0, .columns = columns, .rows = 20};
        wire::Event event;
        event.body = step(1, "[1/1] RUN " + std::string(100, 'x'), wire::StepStatus::running);
        progress->take(event, "", moment);
        event.body = log(1, std::string(300, 'y') + "\n");
        progress->take(event, "", moment);
        moment.now_ms = 1000;

        std::string frame = progress->tick(moment);

        while (!frame.empty()) {
            const std::size_t end = frame.find('\n');
            EXPECT_LT(display_width(clean_line(frame.substr(0, end))), columns);
            frame.erase(0, end + 1);
        }
    }
}

TEST(PlainProgress, NamesAStepOnce) {
    const ErrorDrawing drawing(Color::no);
    const auto progress = make_progress(ProgressMode::plain, {}, drawing);
    const Moment moment{.now_ms = 0, .columns = 80, .rows = 20};
    const auto tell = [&](std::uint64_t id, wire::StepStatus status) {
        wire::Event event;
        event.body = step(id, "[1/2] RUN make", status);
        return progress->take(event, "", moment);
    };

    EXPECT_EQ(tell(1, wire::StepStatus::running), "#1 [1/2] RUN make\n");
    EXPECT_EQ(tell(1, wire::StepStatus::cached), "#1 cached\n");
    EXPECT_EQ(tell(2, wire::StepStatus::cached), "#2 [1/2] RUN make cached\n");
}

TEST(TtyProgress, WantsNoFrameWhileNothingHappens) {
    const ErrorDrawing drawing(Color::no);
    const auto progress = make_progress(ProgressMode::tty, {}, drawing);

    EXPECT_EQ(progress->next_tick_ms(), std::nullopt);
}

TEST(StepLog, KeepsTheNewestLines) {
    StepLog lines(2);

    EXPECT_THAT(lines.add("one\ntwo\nthr"), ElementsAre("one", "two"));
    EXPECT_THAT(lines.add("ee\nfour"), ElementsAre("three"));

    EXPECT_THAT(lines.tail(5), ElementsAre("two", "three", "four"));
    EXPECT_THAT(lines.tail(1), ElementsAre("four"));
    EXPECT_EQ(lines.take_rest(), "four");
    EXPECT_EQ(lines.take_rest(), "");
    EXPECT_EQ(lines.dropped_lines(), 2U);
}

TEST(StepLog, CutsALineThatNeverEnds) {
    StepLog lines(10);

    for (int i = 0; i < 100; ++i) {
        lines.add(std::string(1000, 'x'));
    }

    EXPECT_EQ(lines.tail(10).size(), 7U);
}

}  // namespace
}  // namespace kiln::client
