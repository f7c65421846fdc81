#include "daemon/api/run_request.hpp"

#include "tests/support/matchers.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <array>

namespace kiln::testing {
namespace {

using daemon::RunFiles;
using daemon::RunRequest;

Result<RunRequest> parse(std::string_view more) {
    const std::string text = fmt::format(R"({{"name": "a:1", {}}})", more);
    TRY_ASSIGN(const json::Value value, json::parse(text, "the request"));
    return RunRequest::parse(value);
}

Result<RunRequest> with_mounts(std::string_view mounts) {
    return parse(fmt::format(R"("mounts": [{}])", mounts));
}

std::vector<Fd> pipe_ends() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    std::vector<Fd> files;
    files.emplace_back(ends[0]);
    files.emplace_back(ends[1]);
    return files;
}

TEST(RunRequest, HasPlacesInTheImageWithoutDetours) {
    const auto request = with_mounts(R"({"destination": "//data/./x/", "read_only": true})");

    ASSERT_THAT(request, Succeeds());
    EXPECT_EQ(request->mounts.front().destination, "/data/x");
    EXPECT_TRUE(request->mounts.front().read_only);
}

TEST(RunRequest, RefusesPlacesThatAreNone) {
    for (const char* place : {"", "data", "/", "/.", "/a/../b", "/a/\\u0000"}) {
        const auto mount = fmt::format(R"({{"destination": "{}"}})", place);
        EXPECT_THAT(with_mounts(mount), FailsWith(Code::invalid_input)) << place;
    }
    EXPECT_THAT(
        with_mounts(R"({"destination": "/a"}, {"destination": "/a/"})"),
        FailsSaying(Code::invalid_input, "two mounts have the place /a")
    );
}

TEST(RunFiles, AreSortedByWhatTheyAreFor) {
    const auto request =
        parse(R"("mounts": [{"destination": "/a"}], "stdin": true, "signals": true)");
    ASSERT_THAT(request, Succeeds());
    std::vector<Fd> files = pipe_ends();
    files.emplace(files.begin(), ::open("/", O_PATH | O_CLOEXEC));
    const std::array<int, 3> numbers{files[0].get(), files[1].get(), files[2].get()};

    const auto sorted = RunFiles::sort(*request, std::move(files));

    ASSERT_THAT(sorted, Succeeds());
    EXPECT_EQ(sorted->mounts.at(0).get(), numbers[0]);
    EXPECT_EQ(sorted->input.get(), numbers[1]);
    EXPECT_EQ(sorted->signals.get(), numbers[2]);
}

TEST(RunFiles, MayBeMissingWhereOnlySignalsAreLost) {
    EXPECT_THAT(RunFiles::sort(*parse(R"("signals": true)"), {}), Succeeds());
    EXPECT_THAT(
        RunFiles::sort(*parse(R"("stdin": true)"), {}),
        FailsSaying(Code::invalid_input, "0 of 1 files")
    );
}

TEST(RunFiles, AreNoDirectoryThatACommandCouldLeaveBy) {
    std::vector<Fd> files;
    files.emplace_back(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

    EXPECT_THAT(
        RunFiles::sort(*parse(R"("stdin": true)"), std::move(files)),
        FailsSaying(Code::invalid_input, "stdin can be")
    );
}

}  // namespace
}  // namespace kiln::testing
