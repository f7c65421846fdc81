#include "layers/oci/manifest.hpp"

#include "layers/oci/image_index.hpp"
#include "layers/oci/media_type.hpp"
#include "layers/oci/reachable.hpp"
#include "store/base/limits.hpp"
#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <string>

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Descriptor descriptor(std::string_view type, std::string_view content) {
    return {
        .media_type = std::string(type),
        .digest = digest_of(content),
        .size_bytes = content.size()};
}

Manifest small_manifest() {
    return {
        .media_type = std::string(k_manifest),
        .config = descriptor(k_config, "{}"),
        .layers = {descriptor(k_layer_zstd, "one"), descriptor(k_layer_gzip, "two")}};
}

TEST(Manifest, RendersTheSameBytesForTheSameValue) {
    Manifest manifest = small_manifest();
    manifest.annotations = {{"b", "2"}, {"a", "1"}};

    const std::string text = manifest.render();

    EXPECT_EQ(text.find(R"({"schemaVersion":2,"mediaType":)"), 0U) << text;
    EXPECT_NE(text.find(R"("annotations":{"a":"1","b":"2"}})"), std::string::npos) << text;
    EXPECT_EQ(Manifest::parse(as_bytes(text)), manifest);
}

TEST(Manifest, RefusesMoreLayersThanRun) {
    Manifest manifest = small_manifest();
    manifest.layers.assign(limits::k_image_layers, manifest.layers.front());
    EXPECT_THAT(Manifest::parse(as_bytes(manifest.render())), Succeeds());

    manifest.layers.push_back(manifest.layers.front());

    EXPECT_THAT(
        Manifest::parse(as_bytes(manifest.render())), FailsSaying(Code::too_large, "layers")
    );
}

TEST(Manifest, RefusesWhatIsTooLargeOrTooDeep) {
    const std::string large = R"({"schemaVersion":2,"x":")" + std::string(5 << 20, 'x') + "\"}";
    const std::string deep =
        R"({"schemaVersion":2,"x":)" + std::string(1000, '[') + std::string(1000, ']') + "}";

    EXPECT_THAT(Manifest::parse(as_bytes(large)), FailsSaying(Code::too_large, "4 MiB"));
    EXPECT_THAT(Manifest::parse(as_bytes(deep)), FailsWith(Code::invalid_input));
}

TEST(Manifest, RefusesADocumentThatIsTwoThings) {
    std::string text = small_manifest().render();
    text.insert(1, R"("manifests":[],)");

    EXPECT_THAT(Manifest::parse(as_bytes(text)), FailsSaying(Code::invalid_input, "ambiguous"));
    EXPECT_THAT(ImageIndex::parse(as_bytes(text)), FailsSaying(Code::invalid_input, "ambiguous"));
}

TEST(Manifest, RefusesTheTypeOfAnotherDocument) {
    Manifest manifest = small_manifest();
    manifest.media_type = std::string(k_index);

    EXPECT_THAT(Manifest::parse(as_bytes(manifest.render())), FailsWith(Code::invalid_input));
}

TEST(Manifest, SaysThatSchemaVersionOneIsNotSupported) {
    EXPECT_THAT(Manifest::parse(as_bytes(R"({"schemaVersion":1})")), FailsWith(Code::unsupported));
}

LinkedDescriptor on(std::string_view platform, std::string_view content) {
    return {
        .descriptor = descriptor(k_manifest, content),
        .platform = Platform::parse(platform).value()};
}

TEST(ImageIndex, ChoosesTheBestManifestForAPlatform) {
    ImageIndex index;
    index.manifests = {on("linux/arm/v5", "5"), on("linux/arm/v6", "6"), on("linux/amd64", "x")};
    LinkedDescriptor attestation = on("linux/amd64", "attestation");
    attestation.platform = Platform{.os = "unknown", .architecture = "unknown"};
    index.manifests.insert(index.manifests.begin(), attestation);

    EXPECT_EQ(index.choose(*Platform::parse("linux/arm/v7")), &index.manifests[2]);
    EXPECT_EQ(index.choose(*Platform::parse("linux/amd64")), &index.manifests[3]);
    EXPECT_EQ(index.choose(*Platform::parse("linux/s390x")), nullptr);

    index.manifests.push_back({.descriptor = descriptor(k_manifest, "any")});
    EXPECT_EQ(index.choose(*Platform::parse("linux/s390x")), &index.manifests[4]);
    EXPECT_EQ(ImageIndex::parse(as_bytes(index.render())), index);
}

TEST(Reachable, GivesWhatADocumentRefersTo) {
    const Manifest manifest = small_manifest();
    const std::string text = manifest.render();
    ImageIndex index;
    index.manifests = {on("linux/amd64", "x")};

    const auto of_manifest = reachable(descriptor(k_manifest, text), as_bytes(text));
    const auto of_untyped = reachable({}, as_bytes(text));
    const auto of_index = reachable({}, as_bytes(index.render()));

    EXPECT_THAT(
        of_manifest.value(), ElementsAre(manifest.layers[0], manifest.layers[1], manifest.config)
    );
    EXPECT_EQ(of_untyped.value(), of_manifest.value());
    EXPECT_THAT(of_index.value(), ElementsAre(index.manifests[0].descriptor));
    EXPECT_THAT(reachable({}, as_bytes("a tar, say {")).value(), IsEmpty());
    EXPECT_THAT(
        reachable(descriptor(k_manifest, "{"), as_bytes("{")), FailsWith(Code::invalid_input)
    );
}

}  // namespace
}  // namespace kiln::oci
