#include "layers/conda/package_reader.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::file_of;
using ::kiln::testing::make_zip;
using ::kiln::testing::PackageMaker;
using ::kiln::testing::Succeeds;
using ::kiln::testing::ZipPart;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

std::map<std::string, std::string> payload_of(const std::string& bytes) {
    const Fd fd = file_of(bytes);
    PackageReader reader(fd.get(), "demo", {});
    std::map<std::string, std::string> files;
    const auto read =
        reader.each_payload([&](const tar::TarEntry& entry, ByteSource& content) -> Result<void> {
            TRY_ASSIGN(const Bytes all, read_all(content, 1 << 20, entry.path));
            files[entry.path] = std::string(as_text(all));
            return {};
        });
    EXPECT_THAT(read, Succeeds());
    return files;
}

Result<PackageMetadata> metadata_of(const std::string& bytes) {
    const Fd fd = file_of(bytes);
    return PackageReader(fd.get(), "demo.conda", {}).metadata();
}

PackageMaker demo() {
    PackageMaker maker("demo");
    maker.file("bin/tool", "#!/bin/sh\n", 0755).symlink("bin/alias", "tool").file("lib/x", "x");
    return maker;
}

/// The members of a good package, to be put together in wrong ways.
std::vector<ZipPart> parts_of_demo() {
    const std::string v1 = demo().tar_v1();
    return {
        {.name = "pkg-other-name.tar.zst", .content = v1},
        {.name = "info-demo.tar.zst", .content = v1}};
}

TEST(PackageReader, ReadsBothFormatsAlike) {
    const auto conda = metadata_of(demo().conda());
    const auto old = metadata_of(demo().tar_v1());

    ASSERT_THAT(conda, Succeeds());
    ASSERT_THAT(old, Succeeds());
    EXPECT_EQ(*conda, *old);
    EXPECT_THAT(conda->paths, SizeIs(3));
    const auto expected =
        ElementsAre(Pair("bin/alias", ""), Pair("bin/tool", "#!/bin/sh\n"), Pair("lib/x", "x"));
    EXPECT_THAT(payload_of(demo().conda()), expected);
    EXPECT_THAT(payload_of(demo().tar_v1()), expected);
}

TEST(PackageReader, TypesOfAnOldManifestComeFromTheMembers) {
    for (const std::string& bytes :
         {demo().old_manifest().conda(), demo().old_manifest().tar_v1()}) {
        const auto metadata = metadata_of(bytes);
        ASSERT_THAT(metadata, Succeeds());
        ASSERT_THAT(metadata->paths, SizeIs(3));
        EXPECT_EQ(metadata->paths[0].path, "bin/alias");
        EXPECT_EQ(metadata->paths[0].type, PathType::symlink);
        EXPECT_EQ(metadata->paths[1].type, PathType::file);
    }
}

TEST(PackageReader, TakesWhatRealWritersWrite) {
    auto parts = parts_of_demo();
    EXPECT_THAT(metadata_of(make_zip(parts)), Succeeds());  // no metadata.json, renamed members
    parts.push_back({.name = "metadata.json", .content = ""});
    EXPECT_THAT(metadata_of(make_zip(parts)), Succeeds());  // an empty one, and at the end
    for (ZipPart& part : parts) {
        part.zip64 = true;
    }
    EXPECT_THAT(metadata_of(make_zip(parts)), Succeeds());
    for (ZipPart& part : parts) {
        part.deflated = true;
    }
    EXPECT_THAT(metadata_of(make_zip(parts)), Succeeds());
    EXPECT_THAT(payload_of(make_zip(parts)), SizeIs(3));
}

TEST(PackageReader, FindsPayloadThatStandsBesideTheInfo) {
    const std::string info = demo().tar_v1();
    const std::string nothing(1024, '\0');
    const std::string zip = make_zip(
        {{.name = "pkg-demo.tar.zst", .content = nothing},
         {.name = "info-demo.tar.zst", .content = info}}
    );
    EXPECT_THAT(payload_of(zip), SizeIs(3));
}

TEST(PackageReader, RefusesADeflatedMemberWithAWrongChecksum) {
    auto parts = parts_of_demo();
    parts[1].deflated = true;
    std::string zip = make_zip(parts);
    const std::size_t content = zip.find("info/index.json");
    ASSERT_NE(zip.find("\"build_number\":0"), std::string::npos);
    zip[zip.rfind("\"build_number\":0") + 15] = '1';
    ASSERT_NE(content, std::string::npos);
    EXPECT_THAT(metadata_of(zip), FailsSaying(Code::corrupt, "demo.conda"));
}

TEST(PackageReader, RefusesAnotherFormatVersion) {
    auto parts = parts_of_demo();
    parts.push_back({.name = "metadata.json", .content = R"({"conda_pkg_format_version": 3})"});
    EXPECT_THAT(metadata_of(make_zip(parts)), FailsSaying(Code::unsupported, "format 3"));
}

TEST(PackageReader, NeedsExactlyOneInfoAndOnePayload) {
    auto parts = parts_of_demo();
    EXPECT_THAT(metadata_of(make_zip({parts[0]})), FailsSaying(Code::corrupt, "no info-"));
    parts.push_back({.name = "info-again.tar.zst", .content = ""});
    EXPECT_THAT(metadata_of(make_zip(parts)), FailsSaying(Code::corrupt, "both"));
}

TEST(PackageReader, RefusesEveryTruncation) {
    const std::string zip = demo().conda();
    // Every cut near the ends, some between.
    for (std::size_t size = 0; size < zip.size();) {
        const Fd fd = file_of(zip.substr(0, size));
        const auto metadata = PackageReader(fd.get(), "demo.conda", {}).metadata();
        EXPECT_FALSE(metadata.has_value()) << size;
        size += size < 64 || size + 64 > zip.size() ? 1U : 97U;
    }
    EXPECT_THAT(
        metadata_of(zip.substr(0, zip.size() - 1)), FailsSaying(Code::corrupt, "directory")
    );
    EXPECT_THAT(metadata_of(""), FailsSaying(Code::corrupt, "empty"));
}

TEST(PackageReader, StopsWhenAsked) {
    const Fd fd = file_of(demo().conda());
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THAT(
        PackageReader(fd.get(), "demo.conda", stop.get_token()).metadata(),
        FailsSaying(Code::cancelled, "cancelled")
    );
}

}  // namespace
}  // namespace kiln::conda
