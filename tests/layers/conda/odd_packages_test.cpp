#include "layers/conda/package_reader.hpp"
#include "store/base/file.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

// Packages that other projects keep because they are odd: each is read, or refused with a reason.

namespace kiln::conda {
namespace {

using ::kiln::testing::Succeeds;

const std::filesystem::path k_packages = KILN_SHARED_DIR "/conda/packages";

struct Refusal {
    Code code;
    std::string reason;
};

/// What is refused, by the end of its name; everything else must be read.
const std::map<std::string, Refusal, std::less<>> k_refused = {
    // rattler: made for reading single members, nothing to install
    {"symlink-test-1.0.0-0.conda", {Code::corrupt, "neither info/paths.json nor info/files"}},
    {"info-only-1.0.0-0.conda", {Code::corrupt, "neither info/paths.json nor info/files"}},
    {"zip64-test-1.0.0-0.conda", {Code::corrupt, "neither info/paths.json nor info/files"}},
    {"dotslash-test-1.0.0-0.conda", {Code::corrupt, "neither info/paths.json nor info/files"}},
    // conda: the symlinks lost their text when these were transmuted; a channel, no package
    {"linux-64__zlib-1.2.11-h7b6447c_3.conda", {Code::invalid_input, "lib/libz.so.1"}},
    {"osx-64__zlib-1.2.11-h1de35cc_3.conda", {Code::invalid_input, "lib/libz.1.dylib"}},
    {"dummy-channel.tar.bz2", {Code::corrupt, "no info/index.json"}},
    // conda-build: plain tars, packages of which only info/ was kept, a broken one
    {"__a.tar.bz2", {Code::corrupt, "no info/index.json"}},
    {"__b.tar.bz2", {Code::corrupt, "no info/index.json"}},
    {"subfolder.tar.bz2", {Code::corrupt, "no info/index.json"}},
    {"subfolder2.tar.bz2", {Code::corrupt, "no info/index.json"}},
    {"nano-2.4.1-0.tar.bz2", {Code::corrupt, "bin/nano"}},
    {"fly-2.5.2-0.tar.bz2", {Code::corrupt, "bin/fly"}},
    {"flask-0.11.1-py_0.tar.bz2", {Code::corrupt, "PKG-INFO"}},
    {"spiffy-test-app-0.5-pyh6afbcc8_0.tar.bz2", {Code::corrupt, "post-link.sh"}},
    {"bad_package.tar.bz2", {Code::corrupt, "ends inside a header"}},
    // cph: archives with names beyond ASCII, no packages
    {"unicode-files.tar.bz2", {Code::corrupt, "no info/index.json"}},
    {"pkg_with_unicode.conda", {Code::corrupt, "no info/index.json"}},
    {"pkg_with_unicode.tar.bz2", {Code::corrupt, "no info/index.json"}},
    // cut off in the middle
    {"abseil-cpp-20230802.0-h6a678d5_2.conda", {Code::corrupt, "no zip directory"}},
    {"cryptography-42.0.5-py38hdda0065_1.conda", {Code::corrupt, "no zip directory"}},
};

Result<std::size_t> read_package(const std::filesystem::path& path) {
    TRY_ASSIGN(const Fd fd, open_at(AT_FDCWD, path.string(), O_RDONLY, Resolve::anywhere));
    PackageReader reader(fd.get(), path.filename().string(), {});
    TRY_ASSIGN(const PackageMetadata metadata, reader.metadata());
    std::set<std::string> members;
    TRY(reader.each_payload([&](const tar::TarEntry& entry, ByteSource&) -> Result<void> {
        members.insert(entry.path);
        return {};
    }));
    for (const ManifestPath& each : metadata.paths) {
        if (each.type != PathType::directory && !members.contains(each.path)) {
            return fail(Code::corrupt, "the manifest names {}, and it is not there", each.path);
        }
    }
    TRY_ASSIGN(const PackageMetadata again, parse_metadata(render_metadata(metadata)));
    EXPECT_EQ(again, metadata) << path;
    return metadata.paths.size();
}

class OddPackages : public ::testing::TestWithParam<std::string> {};

TEST_P(OddPackages, AreReadOrRefusedWithAReason) {
    const std::filesystem::path folder = k_packages / GetParam();
    if (!std::filesystem::exists(folder)) {
        GTEST_SKIP() << "no ../shared/conda/packages/" << GetParam();
    }
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        const std::string name = file.path().filename().string();
        const auto read = read_package(file.path());
        const auto refused =
            std::find_if(k_refused.begin(), k_refused.end(), [&](const auto& each) {
                return name.ends_with(each.first);
            });
        if (refused == k_refused.end()) {
            EXPECT_THAT(read, Succeeds()) << name;
            continue;
        }
        ASSERT_FALSE(read.has_value()) << name;
        EXPECT_EQ(read.error().code, refused->second.code) << name;
        EXPECT_THAT(read.error().render(), ::testing::HasSubstr(refused->second.reason)) << name;
    }
}

INSTANTIATE_TEST_SUITE_P(
    OfOthers,
    OddPackages,
    ::testing::Values("rattler", "conda", "conda-build", "cph", "mamba", "pixi-pack", "truncated"),
    [](const auto& instance) {
        std::string name = instance.param;
        std::erase(name, '-');
        return name;
    }
);

}  // namespace
}  // namespace kiln::conda
