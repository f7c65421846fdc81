#include "daemon/registry/transport.hpp"

#include "tests/support/fake_registry.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/program.hpp"
#include "tests/support/run_loop.hpp"
#include "tests/support/temp_directory.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace kiln::registry {
namespace {

namespace asio = boost::asio;
using testing::FailsSaying;
using testing::FailsWith;
using testing::FakeRegistry;
using testing::run_loop;
using testing::Succeeds;
using testing::TempDirectory;

struct TransportFixture {
    explicit TransportFixture(const TransportOptions& options = {})
        : transport(loop.get_executor(), pool, options) {}

    Result<Response> send(const Request& request) {
        return run_loop(loop, transport.send(request));
    }

    Result<Response> get(const std::string& url) {
        Request request;
        request.url = Url::parse(url).value_or(Url());
        return send(request);
    }

    asio::io_context loop{1};
    ThreadPool pool{1};
    Transport transport;
};

/// A server that accepts and never says a word, or what it is told.
struct Mute {
    explicit Mute(asio::io_context& loop)
        : acceptor(loop, {asio::ip::address_v4::loopback(), 0}) {}

    [[nodiscard]] std::string url() const {
        return fmt::format("http://127.0.0.1:{}/", acceptor.local_endpoint().port());
    }

    asio::ip::tcp::acceptor acceptor;
};

TEST(Transport, KeepsAConnectionForTheNextRequest) {
    FakeRegistry registry;
    TransportFixture test;

    EXPECT_EQ(test.get("http://" + registry.host() + "/v2/")->status, 200);
    EXPECT_EQ(test.get("http://" + registry.host() + "/v2/")->status, 200);

    EXPECT_EQ(registry.connections(), 1);
}

TEST(Transport, OpensAnotherConnectionWhenTheKeptOneIsClosed) {
    FakeRegistry registry;
    TransportFixture test;
    ASSERT_THAT(test.get("http://" + registry.host() + "/v2/"), Succeeds());
    registry.close_connections();

    EXPECT_THAT(test.get("http://" + registry.host() + "/v2/"), Succeeds());

    EXPECT_EQ(registry.connections(), 2);
}

TEST(Transport, GivesUpOnAServerThatSaysNothing) {
    asio::io_context other;
    const Mute mute(other);
    TransportFixture test({.idle_timeout = std::chrono::milliseconds(50)});

    EXPECT_THAT(test.get(mute.url()), FailsSaying(Code::timed_out, "no answer from 127.0.0.1"));
}

TEST(Transport, SaysThatNobodyListens) {
    asio::io_context other;
    std::string url;
    {
        const Mute gone(other);
        url = gone.url();
    }
    TransportFixture test;

    const auto response = test.get(url);

    ASSERT_THAT(response, FailsSaying(Code::upstream, "127.0.0.1"));
    EXPECT_TRUE(Transport::is_transient(response.error()));
}

TEST(Transport, BoundsTheBodyOfAnAnswer) {
    FakeRegistry registry;
    registry.answer_next("GET", "/large", 200, 1, std::string(100'000, 'x'));
    registry.answer_next("GET", "/wrong", 500, 1, std::string(100'000, 'x'));
    TransportFixture test;

    EXPECT_THAT(test.get("http://" + registry.host() + "/large"), FailsWith(Code::too_large));
    const auto wrong = test.get("http://" + registry.host() + "/wrong");
    ASSERT_THAT(wrong, Succeeds());
    EXPECT_EQ(wrong->body.size(), 64U * 1024);
}

TEST(Transport, GivesTheBodyToTheSinkInOrder) {
    FakeRegistry registry;
    std::string content;
    for (int i = 0; i < 100'000; ++i) {
        content += std::to_string(i);
    }
    registry.answer_next("GET", "/package", 200, 1, content);
    TransportFixture test;
    Request request;
    request.url = Url::parse("http://" + registry.host() + "/package").value();
    std::string taken;
    request.sink = [&taken](ByteSpan bytes) -> Awaitable<Result<void>> {
        taken += as_text(bytes);
        co_return Result<void>();
    };

    const auto response = test.send(request);

    ASSERT_THAT(response, Succeeds());
    EXPECT_EQ(taken, content);
    EXPECT_EQ(response->body, "");
}

TEST(Transport, RefusesHeadersThatWouldEndTheirLine) {
    TransportFixture test;
    Request request;
    request.url = Url::parse("http://127.0.0.1:1/").value();
    request.headers.emplace_back("X-Name", "a\r\nX-Other: b");

    EXPECT_THAT(test.send(request), FailsWith(Code::invalid_input));
}

/// A certificate that signs itself, for 127.0.0.1.
bool make_certificate(const TempDirectory& directory) {
    const auto made = testing::run_program(
        {"openssl",
         "req",
         "-x509",
         "-newkey",
         "rsa:2048",
         "-nodes",
         "-days",
         "1",
         "-subj",
         "/CN=tests",
         "-addext",
         "subjectAltName=IP:127.0.0.1",
         "-keyout",
         directory.path("key.pem"),
         "-out",
         directory.path("cert.pem")}
    );
    return made && made->exit_code == 0;
}

TEST(Transport, TalksTlsToThoseItTrusts) {
    TempDirectory directory;
    if (!make_certificate(directory)) {
        GTEST_SKIP() << "openssl is not installed";
    }
    FakeRegistry registry(
        {.certificate = directory.path("cert.pem"), .key = directory.path("key.pem")}
    );
    TransportFixture trusting({.extra_authorities = directory.path("cert.pem")});
    TransportFixture strict;

    EXPECT_THAT(trusting.get("https://" + registry.host() + "/v2/"), Succeeds());
    EXPECT_THAT(
        strict.get("https://" + registry.host() + "/v2/"),
        FailsSaying(Code::permission, "is not trusted")
    );
    const std::string port = registry.host().substr(registry.host().find(':'));
    EXPECT_THAT(trusting.get("https://localhost" + port + "/v2/"), FailsWith(Code::permission));
}

}  // namespace
}  // namespace kiln::registry
