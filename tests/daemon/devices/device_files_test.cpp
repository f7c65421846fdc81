#include "daemon/devices/device_files.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>

namespace kiln::testing {
namespace {

using daemon::find_devices;
using ::testing::ElementsAre;

std::string spec_of(const std::string& name, const std::string& variable) {
    return R"({"cdiVersion": "0.6.0", "kind": "vendor.example/gpu",
               "containerEdits": {"env": ["C=1"]}, "devices": [{"name": ")"
           + name + R"(", "containerEdits": {"env": [")" + variable + R"("]}}]})";
}

class DeviceFiles : public ::testing::Test {
  protected:
    DeviceFiles() {
        folder_.write("etc/a.json", spec_of("0", "A=etc"));
        folder_.write("etc/b.json", spec_of("1", "B=etc"));
        folder_.write("etc/notes.txt", "no specification");
        folder_.write("run/a.json", spec_of("0", "A=run"));
    }

    TempDirectory folder_;
    std::vector<std::string> directories_{folder_.path("etc"), folder_.path("run")};
};

TEST_F(DeviceFiles, PreferTheLaterDirectory) {
    const auto edits = find_devices(directories_, {"vendor.example/gpu=0"});

    ASSERT_THAT(edits, Succeeds());
    EXPECT_THAT(edits->env, ElementsAre("C=1", "A=run"));
}

TEST_F(DeviceFiles, GiveAllOfAKind) {
    const auto edits = find_devices({folder_.path("etc")}, {"vendor.example/gpu=all"});

    ASSERT_THAT(edits, Succeeds());
    EXPECT_THAT(edits->env, ElementsAre("C=1", "A=etc", "C=1", "B=etc"));
}

TEST_F(DeviceFiles, NameWhatThereIsAndWhereWasLooked) {
    const auto edits = find_devices(directories_, {"vendor.example/gpu=7"});

    ASSERT_THAT(edits, FailsSaying(Code::not_found, directories_[0] + " and " + directories_[1]));
    EXPECT_EQ(edits.error().hint, "there are: vendor.example/gpu=0, vendor.example/gpu=1");
}

TEST_F(DeviceFiles, SayWhichFileIsBrokenWhenADeviceIsMissed) {
    folder_.write("run/broken.json", "{");

    EXPECT_THAT(find_devices(directories_, {"vendor.example/gpu=0"}), Succeeds());
    EXPECT_THAT(
        find_devices(directories_, {"vendor.example/gpu=7"}), FailsWith(Code::invalid_input)
    );
}

TEST_F(DeviceFiles, OpenWhatTheHostHas) {
    daemon::CdiEdits edits;
    edits.nodes = {{.host_path = "/dev/full", .path = "/dev/gpu0", .read_only = false}};
    edits.mounts = {{.host_path = folder_.path("etc"), .path = "/lib/gpu", .read_only = true}};

    const auto opened = open_device_files(edits);

    ASSERT_THAT(opened, Succeeds());
    ASSERT_EQ(opened->mounts.size(), 2U);
    EXPECT_EQ(opened->mounts[0].rights, exec::MountRights::device);
    EXPECT_EQ(opened->mounts[1].rights, exec::MountRights::anyone);
    edits.nodes[0].host_path = folder_.path("absent");
    EXPECT_THAT(open_device_files(edits), FailsSaying(Code::not_found, "absent"));
}

}  // namespace
}  // namespace kiln::testing
