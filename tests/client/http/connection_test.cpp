#include "client/http/connection.hpp"

#include "client/http/line_reader.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/scripted_daemon.hpp"

#include <thread>

namespace kiln::client {
namespace {

using ::testing::AllOf;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::Field;
using ::testing::HasSubstr;
using testing::ScriptedDaemon;
using ::testing::SizeIs;
using testing::Succeeds;
using Framing = testing::ScriptedAnswer::Framing;

class ConnectionTest : public ::testing::Test {
  protected:
    ScriptedDaemon daemon_;
    Interrupt interrupt_;
    Connection connection_{Endpoint{daemon_.socket_path()}, interrupt_};
};

TEST_F(ConnectionTest, ReadsAnAnswerOfKnownLengthAndAChunkedOne) {
    daemon_.answer("GET /length", {.body = R"({"a":1})"});
    daemon_.answer("GET /chunked", {.body = R"({"b":2})", .framing = Framing::chunked});

    const auto length = connection_.call("GET", "/length");
    const auto chunked = connection_.call("GET", "/chunked");

    ASSERT_THAT(length, Succeeds());
    EXPECT_EQ(json::render(*length), R"({"a":1})");
    ASSERT_THAT(chunked, Succeeds());
    EXPECT_EQ(json::render(*chunked), R"({"b":2})");
}

TEST_F(ConnectionTest, KeepsOneSocketForRequestsThatFollowEachOther) {
    daemon_.answer("GET /", {});

    ASSERT_THAT(connection_.call("GET", "/"), Succeeds());
    ASSERT_THAT(connection_.call("GET", "/"), Succeeds());

    EXPECT_EQ(daemon_.requests().at(1).connection, 1U);
}

TEST_F(ConnectionTest, OpensANewSocketAfterAnAnswerThatWasNotRead) {
    daemon_.answer("GET /", {.body = R"({"unread":true})"});

    ASSERT_THAT(connection_.send(Request{.target = "/"}), Succeeds());
    ASSERT_THAT(connection_.call("GET", "/"), Succeeds());

    EXPECT_EQ(daemon_.requests().at(1).connection, 2U);
}

TEST_F(ConnectionTest, GivesAProblemAsTheErrorThatItHolds) {
    daemon_.answer(
        "POST /v1/builds",
        {.status = 429,
         .content_type = "application/problem+json",
         .body = R"({"type":"urn:kiln:problem:busy","title":"busy","status":429,"code":"busy",)"
                 R"("detail":"8 builds are queued","trail":[],"where":null,"hint":null,)"
                 R"("retry":"yes"})"}
    );

    const auto answer = connection_.call("POST", "/v1/builds", json::Object());

    EXPECT_THAT(answer, FailsSaying(Code::busy, "8 builds are queued"));
}

TEST_F(ConnectionTest, SendsAStreamAsItWasWritten) {
    daemon_.answer("PUT /stream", {});
    std::string sent;
    const auto body = [&](ByteSink& out) -> Result<void> {
        for (int i = 0; i < 40'000; ++i) {
            const std::string part = std::to_string(i) + ',';
            sent += part;
            TRY(out.write(as_bytes(part)));
        }
        return {};
    };

    ASSERT_THAT(connection_.send(Request{.method = "PUT", .target = "/stream"}, body), Succeeds());

    EXPECT_EQ(daemon_.requests().at(0).body, sent);
}

TEST_F(ConnectionTest, TellsTheDaemonsReasonWhenItStopsListening) {
    daemon_.answer(
        "PUT /stream",
        {.status = 507,
         .content_type = "application/problem+json",
         .body = R"({"type":"urn:kiln:problem:out_of_space","title":"out_of_space","status":507,)"
                 R"("code":"out_of_space","detail":"the store's disk is full","trail":[],)"
                 R"("where":null,"hint":null,"retry":"no"})",
         .framing = Framing::early}
    );
    const Bytes part(1024UL * 1024);
    const auto endless = [&](ByteSink& out) -> Result<void> {
        while (true) {
            TRY(out.write(part));
        }
    };

    const auto sent = connection_.send(Request{.method = "PUT", .target = "/stream"}, endless);

    EXPECT_THAT(sent, FailsSaying(Code::out_of_space, "disk is full"));
}

TEST_F(ConnectionTest, GivesUpARequestWhoseBodyFails) {
    daemon_.answer("PUT /stream", {});
    const auto body = [](ByteSink& out) -> Result<void> {
        TRY(out.write(as_bytes("half")));
        return fail(Code::conflict, "app.py was changed");
    };

    const auto sent = connection_.send(Request{.method = "PUT", .target = "/stream"}, body);

    EXPECT_THAT(sent, FailsSaying(Code::conflict, "app.py"));
    daemon_.answer("GET /", {});
    EXPECT_THAT(connection_.call("GET", "/"), Succeeds());
}

TEST_F(ConnectionTest, RefusesAnAnswerThatIsCutOff) {
    daemon_.answer("GET /", {.body = R"({"key":"a long value"})", .framing = Framing::cut});

    EXPECT_THAT(connection_.call("GET", "/"), FailsWith(Code::upstream));
}

TEST_F(ConnectionTest, StopsWaitingWhenInterrupted) {
    daemon_.answer("GET /", {.framing = Framing::never});
    std::thread user([&] { interrupt_.raise(); });

    const auto answer = connection_.call("GET", "/");

    user.join();
    EXPECT_THAT(answer, FailsWith(Code::cancelled));
}

TEST(Connection, SaysHowToStartADaemonThatIsNotThere) {
    const Interrupt interrupt;
    Connection connection(Endpoint{"/nowhere/kilnd.sock"}, interrupt);

    const auto answer = connection.call("GET", "/");

    EXPECT_THAT(answer, FailsSaying(Code::timed_out, "does not answer at unix:/nowhere"));
    EXPECT_THAT(answer.error().hint, HasSubstr("kilnd --socket /nowhere/kilnd.sock"));
}

TEST(Endpoint, ReadsTheFormsOfAnAddress) {
    EXPECT_EQ(Endpoint::parse("unix:///run/k.sock")->socket_path, "/run/k.sock");
    EXPECT_EQ(Endpoint::parse("unix:/run/k.sock")->socket_path, "/run/k.sock");
    EXPECT_THAT(Endpoint::parse("tcp://host:1"), FailsSaying(Code::unsupported, "tcp"));
    EXPECT_THAT(Endpoint::parse("unix://run/k.sock"), FailsWith(Code::invalid_input));
    EXPECT_THAT(Endpoint::parse("unix:///" + std::string(200, 'x')), FailsWith(Code::too_large));
}

TEST(Endpoint, IsWhatTheEnvironmentSaysOrTheDaemonsDefault) {
    const Environment named(Environment::Variables{{"KILN_HOST", "unix:///tmp/k.sock"}});
    const Environment user(Environment::Variables{{"XDG_RUNTIME_DIR", "/run/user/7"}});

    EXPECT_EQ(Endpoint::of(named, true)->socket_path, "/tmp/k.sock");
    EXPECT_EQ(Endpoint::of(user, false)->socket_path, "/run/user/7/kiln/kilnd.sock");
    EXPECT_EQ(Endpoint::of(user, true)->socket_path, "/run/kiln/kilnd.sock");
    EXPECT_THAT(Endpoint::of(Environment(), false), FailsWith(Code::invalid_input));
}

TEST(Endpoint, EncodesNamesForPaths) {
    EXPECT_EQ(encode_component("host:5000/a b"), "host%3A5000%2Fa%20b");
    EXPECT_EQ(encode_component("app-1.0_x~"), "app-1.0_x~");
}

TEST(LineReader, CutsLinesWhereverTheStreamIsCut) {
    SpanSource source(as_bytes("one\n\ntwo\n"));
    LineReader lines(source);
    std::vector<std::string> seen;

    do {
        while (const auto line = lines.next()) {
            seen.emplace_back(*line);
        }
    } while (lines.read_more().value());

    EXPECT_THAT(seen, ::testing::ElementsAre("one", "", "two"));
}

TEST(LineReader, RefusesAStreamThatEndsWithinALine) {
    SpanSource source(as_bytes("one\ntw"));
    LineReader lines(source);
    ASSERT_TRUE(lines.read_more().value());
    ASSERT_TRUE(lines.next());
    ASSERT_FALSE(lines.next());

    EXPECT_THAT(lines.read_more(), FailsWith(Code::corrupt));
}

}  // namespace
}  // namespace kiln::client
