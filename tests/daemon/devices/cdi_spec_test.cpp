#include "daemon/devices/cdi_spec.hpp"

#include "tests/support/check_cdi_spec.hpp"
#include "tests/support/matchers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace kiln::testing {
namespace {

using daemon::CdiName;
using daemon::CdiSpec;
using ::testing::ElementsAre;

constexpr std::string_view k_spec = R"({"cdiVersion": "0.6.0", "kind": "vendor.example/gpu",
  "containerEdits": {
    "env": ["ALL=1"], "hooks": [{"hookName": "createContainer", "path": "/bin/h"}]},
  "devices": [{"name": "0", "containerEdits": {
    "deviceNodes": [
      {"path": "/dev/gpu0", "hostPath": "/dev/full"}, {"path": "/dev/x", "permissions": "r"}],
    "mounts": [{"hostPath": "/a", "containerPath": "/b", "options": ["ro", "bind"]}],
    "unknown": 1}}], "annotations": {"a": "b"}})";

TEST(CdiSpec, TellsWhatADeviceNeeds) {
    const auto spec = CdiSpec::parse(k_spec, "gpu.json");

    ASSERT_THAT(spec, Succeeds());
    EXPECT_EQ(spec->kind, "vendor.example/gpu");
    EXPECT_THAT(spec->edits.env, ElementsAre("ALL=1"));
    EXPECT_THAT(spec->edits.not_done, ElementsAre("the hook createContainer (/bin/h)"));
    ASSERT_EQ(spec->devices.size(), 1U);
    const auto& edits = spec->devices.front().edits;
    ASSERT_EQ(edits.nodes.size(), 2U);
    EXPECT_EQ(edits.nodes[0].host_path, "/dev/full");
    EXPECT_EQ(edits.nodes[0].path, "/dev/gpu0");
    EXPECT_EQ(edits.nodes[1].host_path, "/dev/x");
    EXPECT_TRUE(edits.nodes[1].read_only);
    ASSERT_EQ(edits.mounts.size(), 1U);
    EXPECT_TRUE(edits.mounts[0].read_only);
}

TEST(CdiSpec, IsReadAsYamlToo) {
    const auto spec = CdiSpec::parse(
        "cdiVersion: 0.5.0\nkind: vendor.example/net\ndevices:\n- name: eth0\n  containerEdits:\n"
        "    env: [A=b]\n",
        "net.yaml"
    );

    ASSERT_THAT(spec, Succeeds());
    EXPECT_THAT(spec->devices.front().edits.env, ElementsAre("A=b"));
}

TEST(CdiSpec, SaysWhatIsWrongAndWhere) {
    EXPECT_THAT(
        CdiSpec::parse(R"({"kind": "a.b/c"})", "x"), FailsSaying(Code::invalid_input, "cdiVersion")
    );
    EXPECT_THAT(
        CdiSpec::parse(R"({"cdiVersion": "1", "kind": "gpu"})", "x"),
        FailsSaying(Code::invalid_input, "gpu is no VENDOR/CLASS")
    );
    EXPECT_THAT(
        CdiSpec::parse(
            R"({"cdiVersion": "1", "kind": "a.b/c", "containerEdits": {"env": ["A"]}})", "x"
        ),
        FailsSaying(Code::invalid_input, "NAME=value")
    );
}

TEST(CdiSpec, TakesAbsolutePathsOnly) {
    const auto with_node = [](const char* node) {
        return fmt::format(
            R"({{"cdiVersion": "1", "kind": "a.b/c", "containerEdits": {{"deviceNodes": [{}]}}}})",
            node
        );
    };
    EXPECT_THAT(
        CdiSpec::parse(with_node(R"({"path": "dev/x"})"), "x"),
        FailsSaying(Code::invalid_input, "\"path\" is no absolute path")
    );
    EXPECT_THAT(
        CdiSpec::parse(with_node(R"({"path": "/dev/x", "hostPath": "dev/x"})"), "x"),
        FailsSaying(Code::invalid_input, "\"hostPath\" is no absolute path")
    );
    EXPECT_THAT(CdiSpec::parse(with_node(R"({"path": "/dev/x"})"), "x"), Succeeds());
}

TEST(CdiName, IsVendorClassAndDevice) {
    const auto name = CdiName::parse("nvidia.com/gpu=GPU-1:0");

    ASSERT_THAT(name, Succeeds());
    EXPECT_EQ(name->kind, "nvidia.com/gpu");
    EXPECT_EQ(name->device, "GPU-1:0");
    for (const char* wrong : {"", "gpu", "gpu=0", "nvidia.com/gpu", "nvidia.com/gpu=", "/a=b"}) {
        EXPECT_THAT(CdiName::parse(wrong), FailsWith(Code::invalid_input)) << wrong;
    }
}

RC_GTEST_PROP(CdiSpec, TakesAnyBytesWithinItsLimits, (const std::string& text)) {
    check_cdi_spec(as_bytes(text));
    std::string damaged(k_spec);
    const auto at = *rc::gen::inRange<std::size_t>(0, damaged.size());
    damaged.replace(at, 1, text);
    check_cdi_spec(as_bytes(damaged));
}

}  // namespace
}  // namespace kiln::testing
