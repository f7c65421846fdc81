#include "layers/oci/import.hpp"

#include "layers/oci/image_index.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/validate.hpp"
#include "store/hasher.hpp"
#include "tests/layers/oci/archives.hpp"
#include "tests/support/matchers.hpp"

#include <string>

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using testing::docker_archive_of;
using ::testing::ElementsAre;
using testing::gzipped;
using ::testing::IsEmpty;
using testing::layer_tar;
using testing::layout_of;
using testing::Members;
using testing::put_blob;
using testing::put_index;
using testing::tar_of;
using testing::TarBuilder;
using testing::Workbench;

TEST(Import, TakesADockerArchive) {
    Workbench bench;
    const std::string layer = layer_tar("hello");

    const auto import = bench.import(tar_of(docker_archive_of({layer}, "app:1")));

    ASSERT_THAT(import, Succeeds());
    EXPECT_EQ(import->kind, ArchiveKind::docker);
    ASSERT_EQ(import->images.size(), 1U);
    const ImportedImage& image = import->images[0];
    EXPECT_THAT(image.names, ElementsAre("app:1"));
    EXPECT_EQ(image.config_blob.digest, digest_of(testing::config_for({layer}).render()));
    EXPECT_EQ(image.layers[0].layer.diff_id, digest_of(layer));
    EXPECT_EQ(image.layers[0].layer.dress.compression, Compression::none);
    EXPECT_EQ(image.layers[0].entries, 2U);
    EXPECT_THAT(validate_image(bench.blobs, image.manifest, {}).value(), IsEmpty());
}

TEST(Import, TakesAnImageLayoutWithTheDigestItHas) {
    Workbench bench;
    const auto sample = layout_of({layer_tar("one"), layer_tar("two")}, "registry.example/app:1");

    const auto import = bench.import(tar_of(sample.members));

    ASSERT_THAT(import, Succeeds());
    EXPECT_EQ(import->kind, ArchiveKind::oci);
    const ImportedImage& image = import->images.at(0);
    EXPECT_THAT(image.names, ElementsAre("registry.example/app:1"));
    EXPECT_EQ(image.manifest, sample.descriptor);
    EXPECT_EQ(image.config, sample.config);
    EXPECT_EQ(image.layers.at(1).layer.dress.compression, Compression::gzip);
    EXPECT_THAT(validate_image(bench.blobs, image.manifest, {}).value(), IsEmpty());
}

TEST(Import, TakesAPlainRootFileSystem) {
    Workbench bench;
    const std::string tar =
        TarBuilder().directory("etc").file("etc/hostname", "box\n").symlink("x", "etc").finish();

    const auto import = bench.import(tar);

    ASSERT_THAT(import, Succeeds());
    EXPECT_EQ(import->kind, ArchiveKind::rootfs);
    const ImportedImage& image = import->images.at(0);
    EXPECT_THAT(image.names, IsEmpty());
    EXPECT_EQ(image.config.created, "1980-01-02T00:00:00Z");
    EXPECT_EQ(image.config.platform, Platform::host());
    EXPECT_EQ(image.layers.at(0).layer.dress.compression, Compression::zstd);
    EXPECT_THAT(validate_image(bench.blobs, image.manifest, {}).value(), IsEmpty());
}

TEST(Import, ACompressedArchiveMeansTheSame) {
    Workbench bench;
    const std::string docker = tar_of(docker_archive_of({layer_tar("x")}, "app"));
    const std::string root = TarBuilder().directory("usr").file("usr/a", "b").finish();

    const auto plain = bench.import(docker);
    const auto packed = bench.import(gzipped(docker));
    const auto plain_root = bench.import(root);
    const auto packed_root = bench.import(gzipped(root));

    ASSERT_THAT(packed, Succeeds());
    EXPECT_EQ(packed->images[0].manifest, plain->images[0].manifest);
    ASSERT_THAT(packed_root, Succeeds());
    EXPECT_EQ(packed_root->images[0].manifest, plain_root->images[0].manifest);
}

TEST(Import, KeepsCompressedLayersOfADockerArchiveAsTheyAre) {
    Workbench bench;
    const std::string layer = layer_tar("x");
    Members members = docker_archive_of({layer}, "app");
    members["layer0/layer.tar"] = gzipped(layer);

    const auto import = bench.import(tar_of(members));

    ASSERT_THAT(import, Succeeds());
    const Layer& taken = import->images[0].layers[0].layer;
    EXPECT_EQ(taken.dress.compression, Compression::gzip);
    EXPECT_EQ(taken.dress.digest, digest_of(gzipped(layer)));
    EXPECT_EQ(taken.diff_id, digest_of(layer));
}

TEST(Import, FollowsALinkToALayerInsideTheArchiveOnly) {
    const std::string layer = layer_tar("x");
    Members members = docker_archive_of({layer, layer}, "app");
    members.erase("layer1/layer.tar");
    const auto with_link = [&](const std::string& target) {
        TarBuilder tar;
        for (const auto& [path, content] : members) {
            tar.file(path, content);
        }
        tar.symlink("layer1/layer.tar", target);
        return tar.finish();
    };
    Workbench bench;

    // Equal layers are read once, so the link has to be another layer's only place.
    members["layer1/other"] = members["layer0/layer.tar"];
    members.erase("layer0/layer.tar");
    members["manifest.json"] =
        R"([{"Config":"config.json","Layers":["layer1/layer.tar","layer1/layer.tar"]}])";
    EXPECT_THAT(bench.import(with_link("../layer1/other")), Succeeds());
    EXPECT_THAT(bench.import(with_link("../../etc/passwd")), FailsWith(Code::not_found));
    EXPECT_THAT(bench.import(with_link("/etc/passwd")), FailsWith(Code::not_found));
    EXPECT_THAT(bench.import(with_link("layer.tar")), FailsSaying(Code::invalid_input, "loop"));
}

TEST(Import, RefusesPathsThatLeaveTheArchive) {
    Workbench bench;
    Members members = docker_archive_of({layer_tar("x")}, "app");
    members["manifest.json"] = R"([{"Config":"../config.json","Layers":["layer0/layer.tar"]}])";

    EXPECT_THAT(bench.import(tar_of(members)), FailsWith(Code::invalid_input));
}

TEST(Import, RefusesALayerThatIsNotWhatTheConfigSays) {
    Workbench bench;
    Members docker = docker_archive_of({layer_tar("x")}, "app");
    docker["layer0/layer.tar"] = layer_tar("y");
    auto layout = layout_of({layer_tar("x")}, "app");
    layout.config.diff_ids[0] = digest_of("z");
    layout.manifest.config = put_blob(layout.members, k_config, layout.config.render());
    const Descriptor changed = put_blob(layout.members, k_manifest, layout.manifest.render());
    put_index(layout.members, {{.descriptor = changed}});

    EXPECT_THAT(bench.import(tar_of(docker)), FailsWith(Code::digest_mismatch));
    EXPECT_THAT(bench.import(tar_of(layout.members)), FailsWith(Code::digest_mismatch));
}

TEST(Import, RefusesAHistoryOfMoreLayersThanThereAre) {
    Workbench bench;
    auto layout = layout_of({layer_tar("x")}, "app");
    layout.config.history.assign(2, {.created_by = "COPY a b"});
    Members docker = docker_archive_of({layer_tar("x")}, "app");
    docker["config.json"] = layout.config.render();
    layout.manifest.config = put_blob(layout.members, k_config, layout.config.render());
    const Descriptor changed = put_blob(layout.members, k_manifest, layout.manifest.render());
    put_index(layout.members, {{.descriptor = changed}});

    EXPECT_THAT(
        bench.import(tar_of(layout.members)),
        FailsSaying(Code::invalid_input, "tells of 2 layers, and there are 1")
    );
    EXPECT_THAT(bench.import(tar_of(docker)), FailsWith(Code::invalid_input));
}

TEST(Import, RefusesBlobsThatAreNotTheirDescriptor) {
    Workbench bench;
    const auto whole = layout_of({layer_tar("x")}, "app");
    const auto change = [&](const Digest& blob, const std::string& content) {
        Members members = whole.members;
        members[blob_path(blob)] = content;
        return tar_of(members);
    };
    const Digest layer = whole.manifest.layers[0].digest;

    EXPECT_THAT(
        bench.import(change(layer, gzipped(layer_tar("y")))), FailsWith(Code::digest_mismatch)
    );
    EXPECT_THAT(
        bench.import(change(whole.descriptor.digest, whole.manifest.render() + " ")),
        FailsWith(Code::digest_mismatch)
    );
    EXPECT_THAT(
        bench.import(change(whole.manifest.config.digest, "{}")), FailsWith(Code::digest_mismatch)
    );
    Members without = whole.members;
    without.erase(blob_path(layer));
    EXPECT_THAT(bench.import(tar_of(without)), FailsSaying(Code::not_found, layer.hex()));
}

TEST(Import, RefusesSizesThatAreWrong) {
    Workbench bench;
    auto sample = layout_of({layer_tar("x")}, "app");
    Manifest manifest = sample.manifest;
    manifest.layers[0].size_bytes += 1;
    const Descriptor changed = put_blob(sample.members, k_manifest, manifest.render());
    put_index(sample.members, {{.descriptor = changed}});
    EXPECT_THAT(bench.import(tar_of(sample.members)), FailsWith(Code::digest_mismatch));

    Descriptor wrong = sample.descriptor;
    wrong.size_bytes -= 1;
    put_index(sample.members, {{.descriptor = wrong}});
    EXPECT_THAT(bench.import(tar_of(sample.members)), FailsSaying(Code::digest_mismatch, "bytes"));
}

TEST(Import, RefusesALayerThatIsNotWhatItsTypeSays) {
    Workbench bench;
    auto sample = layout_of({layer_tar("x")}, "app");
    sample.manifest.layers[0].media_type = k_layer_zstd;
    const Descriptor changed = put_blob(sample.members, k_manifest, sample.manifest.render());
    put_index(sample.members, {{.descriptor = changed}});

    EXPECT_THAT(bench.import(tar_of(sample.members)), FailsSaying(Code::invalid_input, "gzip"));
}

TEST(Import, RefusesArchivesWithoutAnImage) {
    Workbench bench;
    Members members = docker_archive_of({layer_tar("x")}, "app");
    const auto with_manifest = [&](const std::string& text) {
        members["manifest.json"] = text;
        return bench.import(tar_of(members));
    };

    EXPECT_THAT(with_manifest("null"), FailsSaying(Code::invalid_input, "no image"));
    EXPECT_THAT(with_manifest("[]"), FailsSaying(Code::invalid_input, "no image"));
    EXPECT_THAT(with_manifest("[{}]"), FailsSaying(Code::invalid_input, "Config"));
    EXPECT_THAT(with_manifest("["), FailsWith(Code::invalid_input));
    EXPECT_THAT(with_manifest(std::string(5 << 20, ' ')), FailsWith(Code::too_large));
    members.erase("manifest.json");
    EXPECT_THAT(bench.import(tar_of(members)), FailsSaying(Code::invalid_input, "manifest.json"));
    EXPECT_THAT(bench.import("no tar at all"), FailsWith(Code::corrupt));
    EXPECT_THAT(bench.import(""), FailsSaying(Code::invalid_input, "empty"));
}

TEST(Import, ChoosesTheImageForThePlatform) {
    Workbench bench;
    auto mine = layout_of({layer_tar("mine")}, "app");
    auto other = layout_of({layer_tar("other")}, "app");
    mine.members.merge(other.members);
    ImageIndex index;
    index.media_type = std::string(k_index);
    index.manifests = {
        {.descriptor = other.descriptor,
         .platform = Platform{.os = "linux", .architecture = "s390x"}},
        {.descriptor = mine.descriptor, .platform = Platform::host()}};
    const Descriptor top = put_blob(mine.members, k_index, index.render());
    put_index(mine.members, {{.descriptor = top}});

    const auto import = bench.import(tar_of(mine.members));
    const auto foreign = bench.import(
        tar_of(mine.members), {.platform = Platform{.os = "linux", .architecture = "ppc64le"}}
    );

    ASSERT_THAT(import, Succeeds());
    EXPECT_EQ(import->images.at(0).manifest, mine.descriptor);
    EXPECT_THAT(foreign, FailsSaying(Code::not_found, "linux/ppc64le"));
}

TEST(Import, RefusesIndexesThatLeadNowhere) {
    Workbench bench;
    auto sample = layout_of({layer_tar("x")}, "app");
    Descriptor inner = sample.descriptor;
    for (int depth = 0; depth < 8; ++depth) {
        ImageIndex index;
        index.manifests = {{.descriptor = inner}};
        inner = put_blob(sample.members, k_index, index.render());
    }
    put_index(sample.members, {{.descriptor = inner}});

    EXPECT_THAT(bench.import(tar_of(sample.members)), FailsSaying(Code::invalid_input, "deep"));
}

}  // namespace
}  // namespace kiln::oci
