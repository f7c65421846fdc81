#include "client/program.hpp"

#include "layers/tar/tar_reader.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/json.hpp"
#include "store/hasher.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/scripted_daemon.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <sys/mman.h>
#include <unistd.h>

#include <thread>

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::golden_input;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::ScriptedAnswer;
using testing::ScriptedDaemon;
using ::testing::StartsWith;
using testing::Succeeds;
using testing::TempDirectory;

struct Ended {
    int exit_code = -1;
    std::string out;
    std::string err;
};

std::string compact(const std::string& record) {
    return json::render(json::parse(golden_input("wire/" + record + ".json"), record).value());
}

Fd memory_file(std::string_view content = "") {
    Fd fd(::memfd_create("stream", MFD_CLOEXEC));
    EXPECT_THAT(write_all(fd.get(), as_bytes(content)), Succeeds());
    EXPECT_EQ(::lseek(fd.get(), 0, SEEK_SET), 0);
    return fd;
}

std::string text_of(const Fd& fd) {
    FdSource source(fd.get());
    return std::string(as_text(read_all(source, 10'000'000, "a stream").value()));
}

/// The program, a daemon that says what the test wants, and a home of its own.
class ProgramTest : public ::testing::Test {
  protected:
    Ended run(std::vector<std::string> words, std::string_view input = "") {
        words.insert(words.begin(), {"--host", "unix://" + daemon_.socket_path()});
        const Fd in = memory_file(input);
        const Fd out = memory_file();
        const Fd err = memory_file();
        Ended ended;
        ended.exit_code =
            run_program(words, environment_, interrupt_, Streams{in.get(), out.get(), err.get()});
        ended.out = text_of(out);
        ended.err = text_of(err);
        return ended;
    }

    void answer_events(const std::vector<std::string>& records) {
        std::string lines;
        for (const std::string& record : records) {
            lines += compact(record) + '\n';
        }
        daemon_.answer(
            "GET /v1/builds/7f3a9c01d2e4/events?after=0",
            {.content_type = "application/x-ndjson",
             .body = lines,
             .framing = ScriptedAnswer::Framing::chunked}
        );
    }

    [[nodiscard]] json::Object first_build_request() const {
        return json::parse(daemon_.requests().at(0).body, "request").value().get_object();
    }

    ScriptedDaemon daemon_;
    TempDirectory files_;
    Interrupt interrupt_;
    Environment environment_{Environment::Variables{
        {"XDG_CONFIG_HOME", files_.path("config")}, {"XDG_CACHE_HOME", files_.path("cache")}}};
    const std::string digest_ = "sha256:" + std::string(64, 'a');
};

TEST_F(ProgramTest, BuildsWhatTheDaemonKnowsAlreadyWithOneRequest) {
    files_.write("context/Dockerfile", "FROM scratch\nCOPY . /\n");
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    answer_events({"event_step_started", "event_log", "event_step", "event_result"});

    const Ended ended = run({"build", "-t", "app:1", files_.path("context")});

    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(ended.out, digest_ + "\n");
    EXPECT_THAT(ended.err, HasSubstr("Reading package lists..."));
    EXPECT_EQ(daemon_.requests().size(), 2U);
    const json::Object request = first_build_request();
    EXPECT_EQ(request.at("dockerfile").at("text"), "FROM scratch\nCOPY . /\n");
    EXPECT_EQ(request.at("tags"), json::parse(R"(["app:1"])", "").value());
    EXPECT_TRUE(request.at("ignore").is_null());
}

TEST_F(ProgramTest, SendsTheListingAndTheMissingContents) {
    files_.write("context/Dockerfile", "FROM scratch\nCOPY . /\n");
    files_.write("context/app.py", "print(1)\n");
    const std::string known = digest_of("FROM scratch\nCOPY . /\n").render();
    const std::string missing = digest_of("print(1)\n").render();
    // What the listing's digest is, the client tells with its first request.
    daemon_.answer("POST /v1/builds", {.body = R"({"id":null,"needs":[]})"});
    run({"build", files_.path("context")});
    const std::string listing(
        json::parse(daemon_.requests().back().body, "").value().at("context").get_string()
    );
    ScriptedDaemon second;
    const auto at_second = [&] {
        return std::vector<std::string>{
            "--host", "unix://" + second.socket_path(), "build", files_.path("context")};
    };
    second.answer("POST /v1/builds", {.body = R"({"id":null,"needs":[")" + listing + R"("]})"});
    second.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    second.answer(
        "POST /v1/contexts",
        {.body = R"({"digest":")" + listing + R"(","missing":[")" + missing + R"("]})"}
    );
    second.answer(
        "PUT /v1/contexts/" + listing + "/contents", {.body = compact("contents_answer")}
    );
    second.answer(
        "GET /v1/builds/7f3a9c01d2e4/events?after=0", {.body = compact("event_result") + "\n"}
    );

    const Fd out = memory_file();
    const Fd err = memory_file();
    const int exit_code =
        run_program(at_second(), environment_, interrupt_, Streams{0, out.get(), err.get()});

    EXPECT_EQ(exit_code, 0) << text_of(err);
    const auto requests = second.requests();
    ASSERT_EQ(requests.size(), 5U);
    EXPECT_EQ(requests[1].content_type, "application/vnd.kiln.listing");
    EXPECT_EQ(digest_of(requests[1].body).render(), listing);
    const Digest content = digest_of("print(1)\n");
    EXPECT_EQ(
        requests[2].body,
        std::string(as_text(content.raw())) + std::string("\x09\0\0\0\0\0\0\0", 8) + "print(1)\n"
    );
}

TEST_F(ProgramTest, DrawsTheErrorOfAFailedStepInTheUsersFile) {
    files_.write("context/Dockerfile", "FROM scratch\n\n\nRUN pip install .\n");
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    answer_events({"event_result_failed"});

    const Ended ended = run({"build", files_.path("context")});

    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_EQ(ended.out, "");
    EXPECT_THAT(
        ended.err,
        HasSubstr("error: RUN pip install . ended with exit code 1\n"
                  "  --> Dockerfile:4:1\n"
                  "   3 |\n"
                  "   4 | RUN pip install .\n"
                  "     | ^^^^^^^^^^^^^^^^^\n")
    );
}

TEST_F(ProgramTest, WritesOutputsIdAndMetadata) {
    files_.write("context/Dockerfile", "FROM scratch\n");
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    answer_events({"event_result"});
    daemon_.answer(
        "GET /v1/images/archive?format=docker&name=app%3A1&compression=gzip", {.body = "an archive"}
    );

    const Ended ended = run(
        {"build",
         "-o",
         "type=docker,compression=gzip,dest=" + files_.path("a.tar"),
         "--iidfile",
         files_.path("iid"),
         "--metadata-file",
         files_.path("meta"),
         files_.path("context")}
    );

    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(files_.read("a.tar"), "an archive");
    EXPECT_EQ(files_.read("iid"), digest_);
    EXPECT_THAT(files_.read("meta"), HasSubstr("\"containerimage.digest\": \"" + digest_ + "\""));
}

TEST_F(ProgramTest, KeepsStdoutForAnArchiveThatGoesThere) {
    files_.write("context/Dockerfile", "FROM scratch\n");
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    answer_events({"event_result"});
    daemon_.answer("GET /v1/images/archive?format=oci&name=app%3A1", {.body = "an archive"});

    const Ended ended = run({"build", "-o", "type=oci,dest=-", files_.path("context")});

    EXPECT_EQ(ended.out, "an archive");
    EXPECT_THAT(ended.err, HasSubstr(digest_));
}

TEST_F(ProgramTest, LeavesNothingOfAnArchiveThatEndsEarly) {
    daemon_.answer(
        "GET /v1/images/archive?format=oci&name=app",
        {.body = "half an archive", .framing = ScriptedAnswer::Framing::cut}
    );

    const Ended ended = run({"save", "app", "-o", files_.path("out/../a.tar")});

    EXPECT_NE(ended.exit_code, 0);
    const Fd directory = open_directory(files_.path()).value();
    EXPECT_THAT(list_directory(directory.get()).value(), Not(::testing::Contains("a.tar")));
}

TEST_F(ProgramTest, CancelsTheBuildWhenInterrupted) {
    files_.write("context/Dockerfile", "FROM scratch\n");
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    daemon_.answer("DELETE /v1/builds/7f3a9c01d2e4", {.status = 202, .body = "{}"});
    daemon_.answer(
        "GET /v1/builds/7f3a9c01d2e4/events?after=0", {.framing = ScriptedAnswer::Framing::never}
    );
    std::thread user([&] {
        while (daemon_.requests().size() < 2) {
            std::this_thread::yield();
        }
        interrupt_.raise();
        while (daemon_.requests().size() < 3) {
            std::this_thread::yield();
        }
        daemon_.hang_up();
    });

    const Ended ended = run({"build", files_.path("context")});

    user.join();
    EXPECT_EQ(daemon_.requests().at(2).method, "DELETE");
    EXPECT_NE(ended.exit_code, 0);
}

TEST_F(ProgramTest, ReadsTheDockerfileFromStdin) {
    files_.write("context/a", "1");
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    answer_events({"event_result"});

    EXPECT_EQ(run({"build", "-f", "-", files_.path("context")}, "FROM one\n").exit_code, 0);
    EXPECT_EQ(first_build_request().at("dockerfile").at("text"), "FROM one\n");
}

TEST_F(ProgramTest, TakesTextOnStdinForADockerfileWithoutAContext) {
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    answer_events({"event_result"});

    EXPECT_EQ(run({"build", "-"}, "FROM one\n").exit_code, 0);

    EXPECT_EQ(first_build_request().at("dockerfile").at("text"), "FROM one\n");
    EXPECT_TRUE(first_build_request().at("context").is_null());
}

TEST_F(ProgramTest, PrefersTheIgnoreFileOfTheDockerfile) {
    files_.write("context/.dockerignore", "a\n");
    files_.write("context/x.Dockerfile.dockerignore", "b\n");
    files_.write("context/x.Dockerfile", "FROM scratch\n");
    daemon_.answer("POST /v1/builds", {.status = 202, .body = compact("build_accepted")});
    answer_events({"event_result"});

    run({"build", "-f", files_.path("context/x.Dockerfile"), files_.path("context")});

    EXPECT_EQ(first_build_request().at("ignore").at("text"), "b\n");
}

TEST_F(ProgramTest, LoadsAnArchiveFromStdin) {
    daemon_.answer("POST /v1/images/load?tag=debian%3A12", {.body = compact("load_answer")});

    const Ended ended = run({"load", "-t", "debian:12"}, "tar bytes");

    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(daemon_.requests().at(0).body, "tar bytes");
    EXPECT_THAT(ended.out, StartsWith("debian:12 " + digest_ + "\n"));
}

TEST_F(ProgramTest, LoadsALayoutDirectoryAsATar) {
    files_.write("layout/oci-layout", "{}");
    files_.write("layout/blobs/sha256/aa", "blob");
    daemon_.answer("POST /v1/images/load", {.body = compact("load_answer")});

    const Ended ended = run({"load", "-i", files_.path("layout")});

    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    const std::string sent = daemon_.requests().at(0).body;
    SpanSource source(as_bytes(sent));
    auto reader = tar::TarReader::open(source, {}, {}).value();
    std::vector<std::string> paths;
    while (const auto entry = reader.next().value()) {
        paths.push_back(entry->path);
    }
    EXPECT_THAT(paths, ElementsAre("blobs", "blobs/sha256", "blobs/sha256/aa", "oci-layout"));
}

TEST_F(ProgramTest, PassesOnTheExitCodeAndTheOutputOfARun) {
    daemon_.answer(
        "POST /v1/runs",
        {.body = compact("event_log") + "\n" + compact("event_log_binary") + "\n"
                 + compact("event_result_run") + "\n"}
    );

    const Ended ended = run({"run", "app:1", "--", "false"});

    EXPECT_EQ(ended.exit_code, 3);
    EXPECT_EQ(ended.out, "Reading package lists...\n");
    EXPECT_EQ(ended.err, std::string("\xff\xfe\0", 3));
}

TEST_F(ProgramTest, EndsARunWith125WhereKilnItselfFails) {
    EXPECT_EQ(run({"run", "missing:1"}).exit_code, 125);
    EXPECT_EQ(run({"run", "--mount", "a:b", "app"}).exit_code, 125);
}

TEST_F(ProgramTest, ShowsListsAsTablesAndAsTheDaemonsJson) {
    daemon_.answer("GET /v1/images", {.body = compact("images")});

    const Ended table = run({"images"});
    const Ended as_json = run({"images", "--format", "json"});
    const Ended quiet = run({"images", "-q"});

    EXPECT_EQ(
        table.out,
        "NAME   DIGEST               PLATFORM     LAYERS    SIZE  UPDATED\n"
        "app:1  sha256:aaaaaaaaaaaa  linux/amd64       5  50 MiB  2026-01-31 12:00:09\n"
    );
    EXPECT_EQ(as_json.out, golden_input("wire/images.json"));
    EXPECT_EQ(quiet.out, digest_ + "\n");
}

TEST_F(ProgramTest, ShowsEveryOtherAnswer) {
    daemon_.answer("GET /v1/builds", {.body = compact("builds")});
    daemon_.answer("GET /v1/builds/7/explain", {.body = compact("explain")});
    daemon_.answer("GET /v1/images/app/history", {.body = compact("history")});
    daemon_.answer("GET /v1/images/app/layers", {.body = compact("layers")});
    daemon_.answer("GET /v1/images/app/packages", {.body = compact("packages")});
    daemon_.answer("GET /v1/images/app/verification", {.body = compact("verification")});
    daemon_.answer("GET /v1/images/app/diff?with=app%3A2", {.body = compact("difference")});
    daemon_.answer(
        "GET /v1/images/app/sbom?format=cyclonedx",
        {.content_type = "application/vnd.cyclonedx+json", .body = "{\"bomFormat\": …}\n"}
    );
    daemon_.answer("GET /v1/images/app", {.body = compact("image")});
    daemon_.answer("POST /v1/images/tag", {.body = compact("name_answer")});
    daemon_.answer("POST /v1/images/rebase", {.body = compact("rebase_answer")});
    daemon_.answer("DELETE /v1/images/app", {.body = compact("name_answer")});
    daemon_.answer("GET /v1/system/usage", {.body = compact("usage")});
    daemon_.answer("POST /v1/gc", {.body = compact("gc_answer")});
    daemon_.answer("POST /v1/verify", {.body = compact("verify_answer")});
    daemon_.answer("GET /v1/system", {.body = compact("system")});
    const std::vector<std::vector<std::string>> commands{
        {"builds"},
        {"explain", "7"},
        {"history", "app"},
        {"layers", "app"},
        {"conda", "list", "app"},
        {"conda", "verify", "app"},
        {"diff", "app", "app:2"},
        {"diff", "--all", "--exit-code", "app", "app:2"},
        {"sbom", "app", "--format", "cyclonedx"},
        {"inspect", "app"},
        {"tag", "app:1", "app:latest"},
        {"rebase", "app:1", "--onto", "debian:12", "-t", "app:2", "--format", "json"},
        {"rmi", "app"},
        {"df"},
        {"gc", "--dry-run"},
        {"verify"},
        {"info"},
        {"version"}};
    std::string shown;
    for (const auto& command : commands) {
        const Ended ended = run(command);
        shown += fmt::format("$ kiln {}\n{}", fmt::join(command, " "), ended.out);
        if (ended.exit_code != 0) {
            shown += fmt::format("(exit code {})\n", ended.exit_code);
        }
        EXPECT_EQ(ended.err, "") << command.front();
    }

    testing::expect_golden("output/commands.txt", shown);
}

TEST_F(ProgramTest, LogsInAndOut) {
    daemon_.answer("POST /v1/registries/login", {.body = compact("login_answer")});

    const Ended in =
        run({"login", "registry.example", "-u", "user", "--password-stdin"}, "secret\n");
    const Ended out = run({"logout", "registry.example"});
    const Ended again = run({"logout", "registry.example"});

    EXPECT_EQ(in.exit_code, 0) << in.err;
    EXPECT_EQ(
        json::parse(daemon_.requests().at(0).body, "").value(),
        json::parse(golden_input("wire/login_request.json"), "").value()
    );
    EXPECT_EQ(out.exit_code, 0) << out.err;
    EXPECT_EQ(again.exit_code, 4);
}

TEST_F(ProgramTest, EndsWithTheExitCodeOfTheTable) {
    EXPECT_EQ(run({"inspect", "missing"}).exit_code, 4);
    EXPECT_EQ(run({"build", "--secret", "x", "."}).exit_code, 2);
    EXPECT_EQ(run({"nonsense"}).exit_code, 2);
}

}  // namespace
}  // namespace kiln::client
