#include "layers/dockerfile/mount.hpp"

#include "layers/dockerfile/parser.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::dockerfile {
namespace {

using testing::corpus;
using testing::corpus_table;
using testing::FailsSaying;
using testing::FailsWith;
using testing::Succeeds;

std::optional<std::string> lookup(std::string_view name) {
    return name == "TYPE" ? std::optional<std::string>("cache") : std::nullopt;
}

Run run_of(const std::string& flags) {
    const auto file = parse("FROM a\nRUN " + flags + " true", "Dockerfile");
    EXPECT_THAT(file, Succeeds()) << flags;
    return file ? std::get<Run>(file->stages.at(0).instructions.at(0).action) : Run();
}

Result<Mount> mount_of(const std::string& fields) {
    return parse_mount(run_of("--mount=" + fields).mounts.at(0), lookup, '\\');
}

TEST(ParseMount, IsABindMountForReadingByDefault) {
    const auto mount = mount_of("target=/a,src=b,from=base");

    ASSERT_THAT(mount, Succeeds());
    EXPECT_EQ(mount->type, MountType::bind);
    EXPECT_EQ(mount->target, "/a");
    EXPECT_EQ(mount->source, "b");
    EXPECT_EQ(mount->from, "base");
    EXPECT_TRUE(mount->read_only);
}

TEST(ParseMount, ExpandsItsValues) {
    const auto mount = mount_of("type=$TYPE,id=x${NONE:-y},dst=/c,sharing=locked,mode=0773,uid=1");

    ASSERT_THAT(mount, Succeeds());
    EXPECT_EQ(mount->type, MountType::cache);
    EXPECT_EQ(mount->id, "xy");
    EXPECT_EQ(mount->sharing, MountSharing::locked);
    EXPECT_EQ(mount->mode, 0773U);
    EXPECT_EQ(mount->uid, 1U);
    EXPECT_FALSE(mount->read_only);
}

TEST(ParseMount, ReadsEveryWayToSayReadOnly) {
    EXPECT_FALSE(mount_of("target=/a,rw")->read_only);
    EXPECT_TRUE(mount_of("type=cache,target=/a,ro")->read_only);
    EXPECT_FALSE(mount_of("target=/a,readonly=false")->read_only);
    EXPECT_TRUE(mount_of("target=/a,readwrite=0")->read_only);
}

TEST(ParseMount, ReadsTheSizeOfATmpfs) {
    EXPECT_EQ(mount_of("type=tmpfs,target=/a,size=128m")->size_bytes, 128U << 20U);
    EXPECT_EQ(mount_of("type=tmpfs,target=/a,size=1.5KiB")->size_bytes, 1536U);
    EXPECT_THAT(mount_of("type=tmpfs,target=/a,size=x"), FailsWith(Code::invalid_input));
}

TEST(ParseMount, ReadsSecretsAndSsh) {
    const auto secret = mount_of("type=secret,id=a,env=TOKEN,required");

    ASSERT_THAT(secret, Succeeds());
    EXPECT_EQ(secret->env, "TOKEN");
    EXPECT_TRUE(secret->required);
    EXPECT_TRUE(mount_of("type=ssh,required=true")->required);
}

TEST(ParseMount, TakesACommaInQuotes) {
    EXPECT_EQ(mount_of("\\\"target=/a,b\\\",source=c")->target, "/a,b");
}

TEST(ParseMount, RefusesWithTheFlagsPlaceAndAHint) {
    const auto mount = mount_of("typ=tmpfs");

    ASSERT_THAT(mount, FailsSaying(Code::invalid_input, "--mount has no key typ"));
    EXPECT_EQ(mount.error().where, (Span{"Dockerfile", 2, 5, 22}));
    EXPECT_EQ(mount.error().hint, "did you mean type?");
    EXPECT_EQ(mount_of("type=cahce").error().hint, "did you mean cache?");
}

TEST(ParseMount, RefusesWhatDoesNotFitTheType) {
    for (const char* fields :
         {"mode=1,target=/a",
          "sharing=locked,target=/a",
          "type=tmpfs,uid=1,target=/a",
          "type=secret",
          "type=secret,from=a,id=b",
          "type=secret,id=a,source=b",
          "required",
          "size=1,target=/a",
          "target",
          "type=cache,mode=9,target=/a",
          "env=a,target=/b"}) {
        EXPECT_THAT(mount_of(fields), FailsWith(Code::invalid_input)) << fields;
    }
}

TEST(ParseDevice, AgreesWithTheTable) {
    SKIP_WITHOUT_CORPUS("buildkit-instructions");
    const auto table =
        corpus_table(corpus("buildkit-instructions") / "tables.json", "TestParseDevice", "cases");
    for (const auto& row : table.as_array()) {
        const std::string input = row.at("input").as_string().c_str();
        const auto device = parse_device(run_of("--device=" + input).devices.at(0), lookup, '\\');
        if (row.at("expected").is_null()) {
            EXPECT_THAT(device, FailsSaying(Code::invalid_input, "already set")) << input;
            continue;
        }
        ASSERT_THAT(device, Succeeds()) << input;
        EXPECT_EQ(device->name, row.at("expected").at("Name").as_string().c_str());
        EXPECT_EQ(device->required, row.at("expected").at("Required").as_bool());
    }
}

}  // namespace
}  // namespace kiln::dockerfile
