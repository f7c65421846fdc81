#include "layers/conda/pip/report.hpp"

#include "tests/support/matchers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::Optional;

std::string report(const std::string& download, const std::string& name = "flask") {
    return fmt::format(
        R"({{"version": "1", "pip_version": "23.0.1", "environment": {{}}, "install": [
        {{"download_info": {}, "is_direct": false, "requested": true,
          "metadata": {{"metadata_version": "2.1", "name": "{}", "version": "2.0",
        "requires_dist": ["click>=8"], "requires_python": ">=3.8"}}}}]}})",
        download,
        name
    );
}

TEST(PipReport, TellsPlaceHashAndRequirements) {
    const auto entries = parse_pip_report(
        report(
            R"({"url": "https://me:pw@h/flask-2.0-py3-none-any.whl", 
            "archive_info": {"hash": "sha256=aa", "hashes": {"sha256": "bb"}}})"
        ),
        {}
    );

    ASSERT_THAT(entries, Succeeds());
    EXPECT_EQ(entries->front().location, "https://h/flask-2.0-py3-none-any.whl");
    EXPECT_THAT(entries->front().sha256, Optional(std::string("bb")));
    EXPECT_THAT(entries->front().requires_dist, ElementsAre("click>=8"));
    EXPECT_EQ(entries->front().requires_python, ">=3.8");
}

TEST(PipReport, PlacesInTheSandboxAreTheUsersAgain) {
    const std::map<std::string, std::string> places = {
        {"/.kiln-pip/local/0000", "file:///srv/my%20wheels"},
        {"/.kiln-pip/local/0001/flask-2.0+x.zip", "file:///srv/flask-2.0+x.zip"}};
    const auto location = [&](const std::string& url) {
        return parse_pip_report(
                   report(fmt::format(
                       R"({{"url": "{}", "archive_info": {{"hash": "sha256=aa"}}}})", url
                   )),
                   places
        )
            .value()
            .front()
            .location;
    };

    EXPECT_EQ(
        location("file:///.kiln-pip/local/0000/flask-2.0.zip"),
        "file:///srv/my%20wheels/flask-2.0.zip"
    );
    EXPECT_EQ(
        location("file:///.kiln-pip/local/0001/flask-2.0%2Bx.zip"), "file:///srv/flask-2.0+x.zip"
    );
}

TEST(PipReport, WhatNoHashPinsAndWhatIsNoReportIsRefused) {
    EXPECT_THAT(
        parse_pip_report(report(R"({"url": "https://h/a.git", "vcs_info": {"vcs": "git"}})"), {}),
        FailsSaying(Code::unsupported, "which no hash pins")
    );
    EXPECT_THAT(parse_pip_report("no JSON", {}), FailsWith(Code::upstream));
}

}  // namespace
}  // namespace kiln::conda
