// Documents about an image, on their way through archives.

#include "layers/oci/export.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/media_type.hpp"
#include "tests/layers/oci/archives.hpp"
#include "tests/support/matchers.hpp"

#include <string>

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::layer_tar;
using testing::layout_of;
using testing::LayoutSample;
using testing::Members;
using testing::put_blob;
using testing::put_index;
using testing::tar_of;
using testing::Workbench;

constexpr std::string_view k_type = "application/spdx+json";

/// A bill of materials about `subject`, put into the members; as an index lists it.
LinkedDescriptor put_document(Members& members, const Descriptor& subject) {
    Manifest manifest;
    manifest.media_type = std::string(k_manifest);
    manifest.artifact_type = std::string(k_type);
    manifest.config = put_blob(members, k_empty, "{}");
    manifest.layers = {put_blob(members, k_type, "a bill of materials")};
    manifest.subject = subject;
    return {
        .descriptor = put_blob(members, k_manifest, manifest.render()),
        .artifact_type = manifest.artifact_type};
}

LinkedDescriptor named(const Descriptor& image) {
    return {.descriptor = image, .annotations = {{"org.opencontainers.image.ref.name", "app:1"}}};
}

TEST(Referrers, AnArchivesDocumentsAboutItsImagesAreTakenAndWrittenAgain) {
    LayoutSample layout = layout_of({layer_tar("x")}, "app:1");
    const LinkedDescriptor document = put_document(layout.members, layout.descriptor);
    put_index(layout.members, {document, named(layout.descriptor)});
    Workbench bench;

    const auto import = bench.import(tar_of(layout.members));

    ASSERT_THAT(import, Succeeds());
    ASSERT_EQ(import->images.size(), 1U);
    const ImportedImage& image = import->images[0];
    ASSERT_EQ(image.referrers.size(), 1U);
    EXPECT_EQ(image.referrers[0].subject, image.manifest.digest);
    EXPECT_EQ(image.referrers[0].manifest, document.descriptor);
    EXPECT_EQ(image.referrers[0].artifact_type, k_type);
    EXPECT_EQ(image.referrers[0].blobs.size(), 2U);

    const Referring referring = [&](const Descriptor& stored, const Descriptor& written) {
        EXPECT_EQ(stored, written);
        return Result<std::vector<LinkedDescriptor>>({document});
    };
    const OpenLayer none;
    const std::vector<ExportImage> images{{.names = image.names, .manifest = image.manifest}};
    MemorySink sink(1U << 20U);
    ASSERT_THAT(export_archive(images, {}, bench.blobs, none, referring, sink, {}), Succeeds());
    Workbench other;
    const auto again = other.import(as_text(sink.bytes()));
    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->images.at(0).referrers, image.referrers);
}

TEST(Referrers, WhatIsAboutSomethingElseIsLeftOutWithANotice) {
    LayoutSample layout = layout_of({layer_tar("x")}, "app:1");
    Members elsewhere;
    const Descriptor other = put_blob(elsewhere, k_manifest, "another image");
    const LinkedDescriptor document = put_document(layout.members, other);
    put_index(layout.members, {named(layout.descriptor), document});
    Workbench bench;

    const auto import = bench.import(tar_of(layout.members));

    ASSERT_THAT(import, Succeeds());
    EXPECT_THAT(import->images.at(0).referrers, IsEmpty());
    EXPECT_THAT(import->notices, ElementsAre(HasSubstr("something that the archive does not")));
}

TEST(Referrers, ADocumentThatIsNotWholeIsRefused) {
    LayoutSample layout = layout_of({layer_tar("x")}, "app:1");
    const LinkedDescriptor document = put_document(layout.members, layout.descriptor);
    put_index(layout.members, {named(layout.descriptor), document});
    const std::string path =
        blob_path(put_blob(layout.members, k_type, "a bill of materials").digest);

    Members absent = layout.members;
    absent.erase(path);
    Members other = layout.members;
    other[path] = "a bill of substance";
    Members longer = layout.members;
    longer[path] += "!";

    EXPECT_THAT(Workbench().import(tar_of(absent)), FailsWith(Code::not_found));
    EXPECT_THAT(Workbench().import(tar_of(other)), FailsWith(Code::digest_mismatch));
    EXPECT_THAT(Workbench().import(tar_of(longer)), FailsSaying(Code::digest_mismatch, "20 bytes"));
}

}  // namespace
}  // namespace kiln::oci
