#include "layers/oci/import.hpp"
#include "layers/oci/validate.hpp"
#include "store/hasher.hpp"
#include "tests/layers/oci/archives.hpp"
#include "tests/support/matchers.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

// go-containerregistry's test archives and layouts, as others made them.

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Members;
using testing::Workbench;

std::string corpus(const std::string& below) {
    return std::string(KILN_SHARED_DIR) + "/corpora/ggcr-testdata/v1/" + below;
}

bool is_absent() {
    return !std::filesystem::exists(corpus("tarball/testdata"));
}

Result<Import> import(Workbench& bench, const std::string& path) {
    TRY_ASSIGN(const Fd file, open_at(AT_FDCWD, corpus(path), O_RDONLY, Resolve::anywhere));
    return bench.import_file(file.get());
}

/// A layout directory as a tar, as the client sends it.
Result<Import> import_layout(Workbench& bench, const std::string& name) {
    const std::filesystem::path root = corpus("layout/testdata/" + name);
    Members members;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        if (entry.is_regular_file()) {
            std::ifstream file(entry.path(), std::ios::binary);
            members[entry.path().lexically_relative(root)] =
                std::string(std::istreambuf_iterator<char>(file), {});
        }
    }
    return bench.import(testing::tar_of(members));
}

TEST(ArchiveCorpus, DockerArchives) {
    if (is_absent()) {
        GTEST_SKIP() << "../shared/corpora/ggcr-testdata is absent";
    }

    struct Case {
        std::string path;
        std::size_t images;
        std::size_t layers;  // of the last image
        std::string name;    // of the last image
        std::string config;  // prefix of its digest
    };

    const std::vector<Case> cases = {
        {"tarball/testdata/test_image_1.tar", 1, 1, "bazel/v1/tarball:test_image_1", "6e0b05"},
        {"tarball/testdata/test_image_2.tar", 1, 1, "bazel/v1/tarball:test_image_2", "930705"},
        {"tarball/testdata/test_bundle.tar", 2, 1, "test_image_1", "6e0b05"},
        {"tarball/testdata/test_link.tar", 2, 2, "bazel/v1/tarball:test_image_3", "d4c9ad"},
        {"tarball/testdata/test_load_manifest.tar",
         1,
         1,
         "bazel/v1/tarball:test_image_1",
         "6e0b05"},
        {"tarball/testdata/hello-world-v25.tar", 1, 1, "", "ee301c"},
        {"mutate/testdata/overwritten_file.tar",
         1,
         3,
         "bazel/pkg/v1/mutate:overwritten_file",
         "68f6eb"},
        {"mutate/testdata/whiteout_image.tar",
         1,
         3,
         "bazel/pkg/v1/mutate:whiteout_image",
         "decb63"},
        {"mutate/testdata/whiteout_dir.tar", 1, 4, "localhost:5000/whiteout:latest", "92f1e3"},
        {"mutate/testdata/source_image.tar", 1, 1, "bazel/pkg/v1/mutate:source_image", "6e0b05"},
    };
    for (const Case& each : cases) {
        Workbench bench;
        const auto result = import(bench, each.path);
        ASSERT_THAT(result, Succeeds()) << each.path;
        EXPECT_EQ(result->kind, ArchiveKind::docker) << each.path;
        ASSERT_EQ(result->images.size(), each.images) << each.path;
        const ImportedImage& image = result->images.back();
        EXPECT_EQ(image.layers.size(), each.layers) << each.path;
        EXPECT_EQ(image.names.empty() ? "" : image.names[0], each.name) << each.path;
        EXPECT_EQ(image.config_blob.digest.hex().substr(0, 6), each.config) << each.path;
        for (const ImportedImage& one : result->images) {
            EXPECT_THAT(validate_image(bench.blobs, one.manifest, {}).value(), IsEmpty())
                << each.path;
        }
    }
}

TEST(ArchiveCorpus, ArchivesWithoutAManifestAreRefused) {
    if (is_absent()) {
        GTEST_SKIP() << "../shared/corpora/ggcr-testdata is absent";
    }
    Workbench bench;

    EXPECT_THAT(
        import(bench, "tarball/testdata/no_manifest.tar"),
        FailsSaying(Code::invalid_input, "no manifest.json")
    );
    EXPECT_THAT(
        import(bench, "tarball/testdata/null_manifest.tar"),
        FailsSaying(Code::invalid_input, "names no image")
    );
}

TEST(ArchiveCorpus, Layouts) {
    if (is_absent()) {
        GTEST_SKIP() << "../shared/corpora/ggcr-testdata is absent";
    }
    Workbench bench;

    const auto one = import_layout(bench, "test_index_one_image");
    const auto several = import_layout(bench, "test_index");
    const auto chart = import_layout(bench, "test_index_media_type");
    const auto nothing = import_layout(bench, "test_gc_image_unknown_mediatype");

    ASSERT_THAT(one, Succeeds());
    ASSERT_EQ(one->images.size(), 1U);
    EXPECT_THAT(validate_image(bench.blobs, one->images[0].manifest, {}).value(), IsEmpty());
    ASSERT_THAT(several, Succeeds());
    // An image, what is none, and two indexes of the first one.
    ASSERT_EQ(several->images.size(), 1U);
    EXPECT_THAT(several->images[0].names, ElementsAre("1", "3", "4"));
    EXPECT_THAT(several->notices, ElementsAre(HasSubstr("no image")));
    EXPECT_THAT(chart, FailsSaying(Code::unsupported, "helm"));
    EXPECT_THAT(nothing, FailsSaying(Code::not_found, "names no image"));
}

TEST(ArchiveCorpus, ADescriptorThatCallsADockerManifestOcisIsTold) {
    if (is_absent()) {
        GTEST_SKIP() << "../shared/corpora/ggcr-testdata is absent";
    }
    Workbench bench;
    const auto import = import_layout(bench, "test_gc_index");
    ASSERT_THAT(import, Succeeds());

    const auto mismatches = validate_image(bench.blobs, import->images.at(0).manifest, {}).value();

    ASSERT_EQ(mismatches.size(), 1U);
    EXPECT_THAT(mismatches[0].detail, HasSubstr("it calls itself application/vnd.docker"));
}

}  // namespace
}  // namespace kiln::oci
