#include "layers/oci/export.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/validate.hpp"
#include "store/hasher.hpp"
#include "tests/layers/oci/archives.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <cstdio>
#include <string>

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using kiln::testing::TempDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::layer_tar;
using testing::layout_of;
using testing::tar_of;
using testing::Workbench;

/// Owns what it gives.
class TextSource final : public ByteSource {
  public:
    explicit TextSource(std::string text)
        : text_(std::move(text)),
          source_(as_bytes(text_)) {}

    Result<std::size_t> read(MutableByteSpan into) override { return source_.read(into); }

  private:
    std::string text_;
    SpanSource source_;
};

/// Uncompresses, or compresses with the gzip of the tests.
OpenLayer layers_of(store::BlobStore& blobs) {
    return [&blobs](
               const Descriptor& layer, const Digest& diff_id, Compression wanted
           ) -> Result<OpenedLayer> {
        TRY_ASSIGN(const auto blob, blobs.open(layer.digest));
        FdSource source = blob.source();
        TRY_ASSIGN(const auto plain, decompress(source));
        TRY_ASSIGN(const Bytes bytes, read_all(*plain, 1U << 20U, "the layer"));
        std::string text(as_text(bytes));
        EXPECT_EQ(digest_of(text), diff_id);
        if (wanted == Compression::gzip) {
            text = testing::gzipped(text);
        }
        OpenedLayer opened;
        opened.descriptor = {
            .media_type = std::string(layer_media_type(wanted)),
            .digest = digest_of(text),
            .size_bytes = text.size()};
        opened.bytes = std::make_unique<TextSource>(std::move(text));
        return opened;
    };
}

Result<std::string> export_text(
    Workbench& bench, const std::vector<ExportImage>& images, const ExportOptions& options
) {
    MemorySink sink(1U << 24U);
    TRY(export_archive(images, options, bench.blobs, layers_of(bench.blobs), {}, sink, {}));
    return std::string(as_text(sink.bytes()));
}

/// An image of two layers in the bench, by name.
ExportImage sample_image(Workbench& bench, const std::string& name) {
    const auto sample = layout_of({layer_tar(name), layer_tar("shared")}, name);
    const auto import = bench.import(tar_of(sample.members));
    EXPECT_THAT(import, Succeeds());
    return {.names = import->images[0].names, .manifest = import->images[0].manifest};
}

TEST(Export, AnOciArchiveHasTheImageAsItIsStored) {
    Workbench bench;
    const ExportImage image = sample_image(bench, "app:1");

    const auto archive = export_text(bench, {image}, {});

    ASSERT_THAT(archive, Succeeds());
    Workbench other;
    const auto again = other.import(*archive);
    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->kind, ArchiveKind::oci);
    EXPECT_EQ(again->images.at(0).manifest, image.manifest);
    EXPECT_THAT(again->images.at(0).names, ElementsAre("docker.io/library/app:1"));
    EXPECT_THAT(validate_image(other.blobs, image.manifest, {}).value(), IsEmpty());
}

TEST(Export, TheSameImagesGiveTheSameBytes) {
    Workbench bench;
    const std::vector<ExportImage> images = {sample_image(bench, "a"), sample_image(bench, "b")};

    const auto first = export_text(bench, images, {.format = ArchiveFormat::docker});
    const auto second = export_text(bench, images, {.format = ArchiveFormat::docker});

    ASSERT_THAT(first, Succeeds());
    EXPECT_EQ(*first, *second);
}

TEST(Export, ADockerArchiveHasPlainLayersAndBothManifests) {
    Workbench bench;
    const ExportImage image = sample_image(bench, "registry.example/app");

    const auto archive = export_text(bench, {image}, {.format = ArchiveFormat::docker});

    ASSERT_THAT(archive, Succeeds());
    const std::string layer = blob_path(digest_of(layer_tar("shared")));
    EXPECT_THAT(*archive, HasSubstr(R"("RepoTags":["registry.example/app:latest"])"));
    EXPECT_THAT(*archive, HasSubstr("\"" + layer + "\"]"));
    Workbench other;
    const auto again = other.import(*archive);
    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->images.at(0).layers.at(0).layer.dress.compression, Compression::none);
    EXPECT_EQ(
        again->images.at(0).config_blob.digest,
        digest_of(
            testing::config_for({layer_tar("registry.example/app"), layer_tar("shared")}).render()
        )
    );
    EXPECT_THAT(validate_image(other.blobs, again->images[0].manifest, {}).value(), IsEmpty());
}

TEST(Export, AnotherDressMakesAnotherManifestOfTheSameConfig) {
    Workbench bench;
    const ExportImage image = sample_image(bench, "app");

    const auto archive = export_text(bench, {image}, {.compression = Compression::none});

    ASSERT_THAT(archive, Succeeds());
    Workbench other;
    const auto again = other.import(*archive);
    ASSERT_THAT(again, Succeeds());
    EXPECT_NE(again->images.at(0).manifest, image.manifest);
    EXPECT_EQ(again->kind, ArchiveKind::oci);
    EXPECT_THAT(validate_image(other.blobs, again->images[0].manifest, {}).value(), IsEmpty());
}

TEST(Export, RefusesWhatIsNotInTheStoreAndNamesGivenTwice) {
    Workbench bench;
    const ExportImage image = sample_image(bench, "app");
    const ExportImage absent{
        .names = {"x"},
        .manifest = {
            .media_type = std::string(k_manifest), .digest = digest_of("none"), .size_bytes = 4}};

    EXPECT_THAT(export_text(bench, {absent}, {}), FailsWith(Code::not_found));
    EXPECT_THAT(
        export_text(bench, {image, image}, {}), FailsSaying(Code::invalid_input, "named twice")
    );
}

TEST(Export, StopsWhenAsked) {
    Workbench bench;
    const ExportImage image = sample_image(bench, "app");
    std::stop_source stop;
    stop.request_stop();
    MemorySink sink(1U << 20U);

    const auto result = export_archive(
        {image}, {}, bench.blobs, layers_of(bench.blobs), {}, sink, stop.get_token()
    );

    EXPECT_THAT(result, FailsWith(Code::cancelled));
}

/// What a program of others says; nullopt when it is not installed.
std::optional<std::string> output_of(const std::string& command) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) {
        return std::nullopt;
    }
    std::string text;
    char buffer[4096];
    std::size_t count = 0;
    while ((count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0) {
        text.append(buffer, count);
    }
    const int status = ::pclose(pipe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return std::nullopt;
    }
    return text;
}

TEST(Export, SkopeoReadsBothFormats) {
    if (!output_of("skopeo --version")) {
        GTEST_SKIP() << "skopeo is not installed";
    }
    Workbench bench;
    const ExportImage image = sample_image(bench, "app:1");
    TempDirectory directory;
    directory.write("oci.tar", export_text(bench, {image}, {}).value());
    directory.write(
        "docker.tar", export_text(bench, {image}, {.format = ArchiveFormat::docker}).value()
    );

    const auto inspect = [&](const std::string& name) {
        return output_of("skopeo --tmpdir " + directory.path() + " inspect " + name).value();
    };
    const auto copy = [&](const std::string& name) {
        return output_of(
                   "skopeo --tmpdir " + directory.path() + " --insecure-policy copy " + name
                   + " dir:" + directory.path("copy") + " && echo copied"
        )
            .value();
    };
    const std::string oci = "oci-archive:" + directory.path("oci.tar") + ":app:1";
    const std::string docker = "docker-archive:" + directory.path("docker.tar") + ":app:1";

    EXPECT_THAT(inspect(oci), HasSubstr(image.manifest.digest.render()));
    EXPECT_THAT(copy(oci), HasSubstr("copied"));
    EXPECT_THAT(inspect(docker), HasSubstr(digest_of(layer_tar("shared")).render()));
    EXPECT_THAT(copy(docker), HasSubstr("copied"));
}

}  // namespace
}  // namespace kiln::oci
