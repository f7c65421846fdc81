#include "layers/oci/import.hpp"
#include "layers/oci/validate.hpp"
#include "tests/layers/oci/archives.hpp"

#include <rapidcheck/gtest.h>

#include <string>

// Archives that somebody damaged: an error, or an image that is whole. Never a crash.

namespace kiln::oci {
namespace {

using testing::docker_archive_of;
using testing::layer_tar;
using testing::layout_of;
using testing::Workbench;

void import_is_an_error_or_whole(const std::string& archive) {
    Workbench bench;
    const auto import = bench.import(archive);
    if (!import) {
        RC_ASSERT(!import.error().message.empty());
        RC_ASSERT(import.error().code != Code::internal);
        return;
    }
    for (const ImportedImage& image : import->images) {
        const auto mismatches = validate_image(bench.blobs, image.manifest, {});
        RC_ASSERT(mismatches.has_value());
        RC_ASSERT(mismatches->empty());
    }
}

/// Some bytes changed, or the end cut off.
std::string damaged(std::string archive) {
    if (*rc::gen::arbitrary<bool>()) {
        archive.resize(*rc::gen::inRange<std::size_t>(0, archive.size()));
    }
    const int changes = *rc::gen::inRange(0, 4);
    for (int i = 0; i < changes && !archive.empty(); ++i) {
        archive[*rc::gen::inRange<std::size_t>(0, archive.size())] = *rc::gen::arbitrary<char>();
    }
    return archive;
}

RC_GTEST_PROP(HostileArchive, ADamagedLayoutIsAnErrorOrWhole, ()) {
    const auto sample = layout_of({layer_tar("one"), layer_tar("two")}, "app");
    import_is_an_error_or_whole(damaged(testing::tar_of(sample.members)));
}

RC_GTEST_PROP(HostileArchive, ADamagedDockerArchiveIsAnErrorOrWhole, ()) {
    const auto members = docker_archive_of({layer_tar("one"), layer_tar("two")}, "app");
    import_is_an_error_or_whole(damaged(testing::tar_of(members)));
}

RC_GTEST_PROP(HostileArchive, ADamagedRootFileSystemIsAnErrorOrWhole, ()) {
    const std::string tar = testing::TarBuilder()
                                .directory("etc")
                                .file("etc/passwd", "root")
                                .hardlink("etc/other", "etc/passwd")
                                .symlink("etc/link", "passwd")
                                .finish();
    import_is_an_error_or_whole(damaged(tar));
}

RC_GTEST_PROP(HostileArchive, ADamagedCompressedArchiveIsAnErrorOrWhole, ()) {
    const auto members = docker_archive_of({layer_tar("one")}, "app");
    import_is_an_error_or_whole(damaged(testing::gzipped(testing::tar_of(members))));
}

}  // namespace
}  // namespace kiln::oci
