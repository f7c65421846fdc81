// The daemon's side of the golden records: what it reads, and what it writes, is what the client's
// tests see too.

#include "daemon/api/problem.hpp"
#include "daemon/build/event.hpp"
#include "daemon/build/request.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;

json::Value golden(const std::string& name) {
    const std::string path = std::string(KILN_SOURCE_DIR) + "/tests/golden/wire/" + name + ".json";
    const auto text = read_file_at(AT_FDCWD, path, 1 << 20);
    EXPECT_THAT(text, Succeeds());
    const auto value = json::parse(*text, name);
    EXPECT_THAT(value, Succeeds());
    return *value;
}

TEST(Wire, ReadsTheGoldenBuildRequest) {
    const auto request = BuildRequest::parse(golden("build_request"));

    ASSERT_THAT(request, Succeeds());
    EXPECT_EQ(request->dockerfile.name, "Dockerfile");
    const auto& conda = std::get<CondaContext>(request->contexts.at("env"));
    EXPECT_EQ(conda.environment, "test");
    EXPECT_THAT(conda.categories, ::testing::ElementsAre("main", "dev"));
    EXPECT_TRUE(std::holds_alternative<LocalContext>(request->contexts.at("lib")));
    EXPECT_TRUE(std::holds_alternative<ImageContext>(request->contexts.at("base")));
    EXPECT_TRUE(std::holds_alternative<StageContext>(request->contexts.at("tools")));
    EXPECT_EQ(request->target, "app");
    EXPECT_EQ(request->compression_level, 3);
    EXPECT_EQ(request->link_scripts.render(), "perl,r-base");
    EXPECT_TRUE(request->compile_pyc);
    EXPECT_TRUE(request->push);
    EXPECT_EQ(request->credentials.at("registry.example").username, "user");
}

TEST(Wire, RefusesAFieldThatNobodyKnows) {
    json::Value value = golden("build_request");
    value.as_object()["surprise"] = 1;

    EXPECT_THAT(BuildRequest::parse(value), FailsSaying(Code::invalid_input, "\"surprise\""));
}

TEST(Wire, WritesTheGoldenProblem) {
    const json::Value expected = golden("problem");
    const json::Object& object = expected.as_object();
    Error error;
    error.code = *parse_code(std::string(object.at("code").as_string()));
    error.message = std::string(object.at("detail").as_string());
    for (const json::Value& doing : object.at("trail").as_array()) {
        error.trail.emplace_back(doing.as_string());
    }
    const json::Object& where = object.at("where").as_object();
    const auto number = [&](const char* key) {
        return static_cast<std::uint32_t>(where.at(key).as_int64());
    };
    error.where = Span{
        std::string(where.at("file").as_string()),
        number("line"),
        number("column"),
        number("end_column")};
    error.hint = std::string(object.at("hint").as_string());

    EXPECT_EQ(render_problem(error), expected);
}

TEST(Wire, WritesEventsOfTheGoldenShape) {
    const kiln::testing::ManualClock clock;
    EventLog log(clock);
    log.add(StepEvent{.id = 2, .name = "[app 2/5] RUN x", .stage = "app"});
    log.add(LogEvent{.step = 2, .bytes = "text"});
    log.add(LogEvent{.step = std::nullopt, .bytes = "\xff"});
    log.add(ResultEvent{.status = JobStatus::done, .image = digest_of("i")});

    std::uint64_t after = 0;
    for (const std::string name : {"event_step", "event_log", "event_log_binary", "event_result"}) {
        const EventLog::Line* line = log.after(after);
        ASSERT_NE(line, nullptr);
        after = line->sequence;
        const auto written = json::parse(line->text.substr(0, line->text.size() - 1), name);
        ASSERT_THAT(written, Succeeds());
        const json::Value expected = golden(name);
        EXPECT_EQ(written->as_object().size(), expected.as_object().size());
        EXPECT_EQ(written->at("type"), expected.at("type"));
        const std::string type(expected.at("type").as_string());
        for (const auto& [key, value] : expected.at(type).as_object()) {
            EXPECT_TRUE(written->at(type).as_object().contains(key)) << name << " " << key;
        }
    }
    EXPECT_EQ(log.after(after), nullptr);
}

TEST(EventLog, DropsOldLogsAndNothingElse) {
    const kiln::testing::ManualClock clock;
    EventLog log(clock);
    log.add(WarningEvent{.message = "kept"});
    for (int i = 0; i < 200; ++i) {
        log.add(LogEvent{.step = 1, .bytes = std::string(64 * 1024, 'x')});
    }

    const EventLog::Line* first = log.after(0);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->sequence, 1U);
    EXPECT_GT(log.after(1)->sequence, 2U);
}

TEST(Utf8, IsToldFromOtherBytes) {
    EXPECT_TRUE(is_utf8("plain, \xc3\xa4 and \xf0\x9f\x94\xa5"));
    EXPECT_FALSE(is_utf8("\xc3"));
    EXPECT_FALSE(is_utf8("\xc0\x80"));
    EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
    EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));
}

}  // namespace
}  // namespace kiln::daemon
