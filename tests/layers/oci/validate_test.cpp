#include "layers/oci/validate.hpp"

#include "layers/oci/image_index.hpp"
#include "layers/oci/media_type.hpp"
#include "store/hasher.hpp"
#include "tests/layers/oci/archives.hpp"
#include "tests/support/matchers.hpp"

#include <string>

namespace kiln::oci {
namespace {

using kiln::testing::FailsWith;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::gzipped;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::layer_tar;
using testing::Workbench;

/// Puts documents and layers as they are into a store, right or wrong.
struct Parts {
    Workbench bench;
    std::string layer = layer_tar("x");
    ImageConfig config = testing::config_for({layer});
    Manifest manifest{.media_type = std::string(k_manifest), .config = {}, .layers = {}};

    Descriptor put(std::string_view media_type, const std::string& content) {
        const Digest digest =
            store::write_blob(bench.blobs, bench.lease, as_bytes(content)).value();
        return {
            .media_type = std::string(media_type), .digest = digest, .size_bytes = content.size()};
    }

    Descriptor put_image() {
        manifest.config = put(k_config, config.render());
        if (manifest.layers.empty()) {
            manifest.layers = {put(k_layer_gzip, gzipped(layer))};
        }
        return put(k_manifest, manifest.render());
    }

    std::vector<Mismatch> validate(const Descriptor& image) {
        return validate_image(bench.blobs, image, {}).value();
    }
};

auto says(const std::string& what, const std::string& detail) {
    return AllOf(
        Field(&Mismatch::what, HasSubstr(what)), Field(&Mismatch::detail, HasSubstr(detail))
    );
}

TEST(Validate, AWholeImageHasNoMismatch) {
    Parts parts;

    EXPECT_THAT(parts.validate(parts.put_image()), IsEmpty());
}

TEST(Validate, TellsOfEverythingThatIsWrong) {
    Parts parts;
    parts.config.diff_ids = {digest_of("other"), digest_of("more")};
    parts.manifest.layers = {parts.put(k_layer_zstd, gzipped(parts.layer))};
    parts.manifest.layers[0].size_bytes += 1;

    EXPECT_THAT(
        parts.validate(parts.put_image()),
        ElementsAre(
            says("config", "2 diff_ids, the manifest 1 layers"),
            says("layer 0", "bytes, its descriptor says"),
            says("layer 0", "its content gzip"),
            says("layer 0", "its diff_id is " + digest_of(parts.layer).render())
        )
    );
}

TEST(Validate, TellsOfMissingBlobs) {
    Parts parts;
    const Descriptor gone{
        .media_type = std::string(k_layer_tar), .digest = digest_of("gone"), .size_bytes = 4};
    parts.manifest.layers = {gone};

    EXPECT_THAT(parts.validate(parts.put_image()), ElementsAre(says("layer 0", "missing")));
    Descriptor image = gone;
    image.media_type = k_manifest;
    EXPECT_THAT(parts.validate(image), ElementsAre(says("manifest", "missing")));
}

TEST(Validate, TellsOfLayersThatCannotBeUnpacked) {
    Parts parts;
    const std::string bad = testing::TarBuilder().symlink("a", "/").file("a/b", "x").finish();
    parts.config.diff_ids = {digest_of(bad)};
    parts.manifest.layers = {parts.put(k_layer_tar, bad)};

    EXPECT_THAT(parts.validate(parts.put_image()), ElementsAre(says("layer 0", "lies below a")));
}

TEST(Validate, TellsOfHistoryThatDoesNotFit) {
    Parts parts;
    parts.config.history.push_back({.created_by = "one too many"});

    EXPECT_THAT(
        parts.validate(parts.put_image()), ElementsAre(says("config", "history tells of 2 layers"))
    );
}

TEST(Validate, FollowsAnIndex) {
    Parts parts;
    ImageIndex index;
    index.manifests = {{.descriptor = parts.put_image()}};
    EXPECT_THAT(parts.validate(parts.put(k_index, index.render())), IsEmpty());

    index.manifests[0].descriptor.size_bytes += 1;
    EXPECT_THAT(
        parts.validate(parts.put(k_index, index.render())), ElementsAre(says("manifest", "bytes"))
    );
}

TEST(Validate, WhatIsNoImageIsSaid) {
    Parts parts;

    EXPECT_THAT(
        parts.validate(parts.put(k_config, "{}")), ElementsAre(says("manifest", "no image"))
    );
    EXPECT_THAT(
        parts.validate(parts.put(k_manifest, "{}")), ElementsAre(says("manifest", "schemaVersion"))
    );
}

TEST(Validate, StopsWhenAsked) {
    Parts parts;
    const Descriptor image = parts.put_image();
    std::stop_source stop;
    stop.request_stop();

    EXPECT_THAT(
        validate_image(parts.bench.blobs, image, stop.get_token()), FailsWith(Code::cancelled)
    );
}

}  // namespace
}  // namespace kiln::oci
