#include "daemon/conda/lock_request.hpp"

#include "store/base/file.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;

json::Value golden() {
    return json::parse(kiln::testing::golden_input("wire/lock_request.json"), "golden").value();
}

TEST(LockRequest, IsReadFromTheGoldenRecord) {
    const auto request = LockRequest::parse(golden());

    ASSERT_THAT(request, Succeeds());
    EXPECT_EQ(request->input.name, "environment.yml");
    EXPECT_EQ(request->platform, "linux-64");
    EXPECT_EQ(request->environment, "test");
    EXPECT_THAT(request->categories, ElementsAre("main", "dev"));
    EXPECT_EQ(request->base, "debian:12");
    EXPECT_THAT(request->channels, ElementsAre("file:///srv/channel", "conda-forge"));
    ASSERT_EQ(request->virtual_packages.size(), 1U);
    EXPECT_EQ(request->virtual_packages[0].name, "__cuda");
    EXPECT_EQ(request->priority, conda::ChannelPriority::flexible);
    ASSERT_EQ(request->pins.size(), 1U);
    EXPECT_EQ(request->pins[0].as_written, "openssl 3.*");
    EXPECT_EQ(request->format, LockFormat::explicit_list);
    EXPECT_EQ(request->files.at("file:///srv/channel/linux-64")->name, "repodata.json.zst");
    EXPECT_EQ(request->files.at("file:///srv/channel/noarch"), std::nullopt);
}

TEST(LockRequest, IsRefusedNamingWhatIsWrong) {
    const std::tuple<std::string, json::Value, std::string> cases[] = {
        {"surprise", 1, "\"surprise\""},
        {"input", nullptr, "\"input\""},
        {"pins", json::Array{"num* <2"}, "num* <2 names no one package"},
        {"platform", "linux/sparc", "linux/sparc"},
        {"priority", "loose", "strict, flexible, disabled"},
        {"format", "yaml", "json, explicit, conda-lock"},
        {"files", json::Array{}, "\"files\""},
        {"virtual", json::Array{"cuda"}, "a version is missing"}};
    for (const auto& [field, value, said] : cases) {
        json::Value changed = golden();
        changed.as_object()[field] = value;
        EXPECT_THAT(LockRequest::parse(changed), FailsSaying(Code::invalid_input, said)) << field;
    }
}

TEST(LockRequest, IsBounded) {
    json::Value huge = golden();
    huge.at("input").as_object()["text"] = std::string(conda::k_lock_bytes + 1, 'x');

    EXPECT_THAT(LockRequest::parse(huge), FailsSaying(Code::too_large, "environment.yml"));
}

TEST(CondaPlatform, IsSpelledEitherWay) {
    EXPECT_EQ(conda_platform("linux/amd64").value(), "linux-64");
    EXPECT_EQ(conda_platform("linux-64").value(), "linux-64");
    EXPECT_EQ(conda_platform("osx-arm64").value(), "osx-arm64");
    EXPECT_THAT(conda_platform("amd64"), FailsSaying(Code::invalid_input, "no platform"));
}

}  // namespace
}  // namespace kiln::daemon
