#include "daemon/conda/pip_lock_request.hpp"

#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;

json::Value golden_pip_request() {
    return json::parse(kiln::testing::golden_input("wire/pip_lock_request.json"), "golden").value();
}

TEST(PipLockRequest, IsReadFromTheGoldenRecord) {
    const auto request = PipLockRequest::parse(golden_pip_request());

    ASSERT_THAT(request, Succeeds());
    EXPECT_EQ(request->base, "debian:12");
    EXPECT_EQ(request->context.prefix, "/opt/env");
    EXPECT_EQ(request->context.files.size(), 1U);
    EXPECT_EQ(request->network, Network::host);
    EXPECT_EQ(request->format, LockFormat::kiln);
    EXPECT_EQ(request->paths.at("gone.txt"), std::nullopt);
    EXPECT_EQ(request->paths.at("wheels")->url, "file:///srv/wheels");
    EXPECT_TRUE(request->paths.at("wheels")->is_directory);
    EXPECT_EQ(request->paths.at("wheels")->files.count("flask-3.0-py3-none-any.whl"), 1U);
}

TEST(PipLockRequest, IsRefusedNamingWhatIsWrong) {
    const std::tuple<std::string, json::Value, std::string> cases[] = {
        {"surprise", 1, "\"surprise\""},
        {"lock", nullptr, "\"lock\""},
        {"network", "all", "all"},
        {"format", "toml", "toml"},
        {"paths", 1, "\"paths\""}};
    for (const auto& [key, value, said] : cases) {
        json::Value changed = golden_pip_request();
        changed.as_object()[key] = value;
        EXPECT_THAT(PipLockRequest::parse(changed), FailsSaying(Code::invalid_input, said)) << key;
    }
}

TEST(PipLockRequest, ASpecificationWithoutAPipPartLeavesNothingToDo) {
    json::Value value = golden_pip_request();
    value.as_object()["input"].as_object()["text"] = "dependencies: [python]\n";

    EXPECT_THAT(
        plan_pip_lock(PipLockRequest::parse(value).value()),
        FailsSaying(Code::invalid_input, "has no pip part")
    );
}

}  // namespace
}  // namespace kiln::daemon
