#include "daemon/build/planned_keys.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <functional>
#include <set>

namespace kiln::daemon {
namespace {

TEST(CopyInputs, DifferWithEverythingThatACopyDependsOn) {
    struct Inputs {
        CopyStep step;
        Digest origin = digest_of("context");
        Digest below = digest_of("base");
        BuildRequest request;
    };

    const std::vector<std::function<void(Inputs&)>> changes{
        [](Inputs&) {},
        [](Inputs& in) { in.origin = digest_of("another context"); },
        [](Inputs& in) { in.below = digest_of("another base"); },
        [](Inputs& in) { in.step.sources = {CopySource{.path = "a", .span = {}}}; },
        [](Inputs& in) {
            in.step.sources = {CopySource{.path = "a", .trailing_slash = true, .span = {}}};
        },
        [](Inputs& in) {
            in.step.inline_files = {InlineFile{"a", "text"}};
        },
        [](Inputs& in) {
            in.step.inline_files = {InlineFile{"a", "other text"}};
        },
        [](Inputs& in) { in.step.destination = "/a"; },
        [](Inputs& in) { in.step.into_directory = true; },
        [](Inputs& in) { in.step.owner_text = "1:1"; },
        [](Inputs& in) { in.step.mode_text = "0700"; },
        [](Inputs& in) { in.step.excludes = {"a"}; },
        [](Inputs& in) { in.step.link = true; },
        [](Inputs& in) { in.step.unpack_archives = true; },
        [](Inputs& in) { in.request.timestamps = Timestamps::keep; },
        [](Inputs& in) { in.request.epoch = 1; },
    };
    std::set<Digest> seen;
    for (const auto& change : changes) {
        Inputs inputs;
        change(inputs);
        seen.insert(copy_inputs(inputs.step, inputs.origin, inputs.below, inputs.request));
    }

    EXPECT_EQ(seen.size(), changes.size());
}

TEST(PlannedKeys, ForgetTheOldest) {
    const auto inputs_of = [](int i) { return digest_of(fmt::format("inputs {}", i)); };
    PlannedKeys keys;
    for (int i = 0; i <= 4096; ++i) {
        keys.remember(inputs_of(i), digest_of(fmt::format("key {}", i)));
    }

    EXPECT_EQ(keys.find(inputs_of(0)), std::nullopt);
    EXPECT_EQ(keys.find(inputs_of(1)), digest_of("key 1"));
    EXPECT_EQ(keys.find(inputs_of(4096)), digest_of("key 4096"));
}

}  // namespace
}  // namespace kiln::daemon
