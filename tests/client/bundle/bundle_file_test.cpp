#include "client/bundle/bundle_file.hpp"

#include "layers/tar/tar_reader.hpp"
#include "tests/client/bundle/sample_bundle.hpp"
#include "tests/support/check_bundle_file.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/mutation.hpp"
#include "tests/support/temp_directory.hpp"

#include <rapidcheck/gtest.h>

#include <sys/mman.h>

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using ::testing::HasSubstr;
using testing::SampleBundle;
using testing::Succeeds;
using testing::TempDirectory;

const std::vector<std::string> k_members = {"first", std::string(5000, 'x'), std::string(512, 'y')};

/// The bytes of the sample.
std::string sample() {
    const TempDirectory directory;
    SampleBundle bundle(k_members);
    EXPECT_THAT(bundle.write(directory.path("b")), Succeeds());
    return directory.read("b");
}

Result<BundleFile> open(std::string_view bytes) {
    Fd file(::memfd_create("bundle", MFD_CLOEXEC));
    EXPECT_THAT(write_all(file.get(), as_bytes(bytes)), Succeeds());
    return BundleFile::open(std::move(file), "b.kiln");
}

/// Whether some part of an opened bundle is not what its digest says.
bool has_altered_part(const BundleFile& file) {
    for (const wire::BundlePart& part : file.bundle().parts) {
        FdSource source = file.source(*file.find(part.digest));
        if (digest_of(source, {}).value() != part.digest) {
            return true;
        }
    }
    return false;
}

TEST(BundleFile, HasTheDocumentAndEveryCarriedPart) {
    const auto file = open(sample());

    ASSERT_THAT(file, Succeeds());
    ASSERT_EQ(file->bundle().parts.size(), 3U);
    FdSource second = file->source(*file->find(digest_of(k_members[1])));
    EXPECT_EQ(as_text(read_all(second, 10'000, "a part").value()), k_members[1]);
    ASSERT_NE(file->find(file->layout().document), nullptr);
    EXPECT_EQ(file->find(digest_of("absent")), nullptr);
}

TEST(BundleFile, IsATarWithAnImageLayoutInside) {
    const std::string bytes = sample();
    SpanSource source(as_bytes(bytes));
    auto reader = tar::TarReader::open(source, {}, {});
    ASSERT_THAT(reader, Succeeds());
    std::vector<std::string> paths;

    while (const auto entry = reader->next().value()) {
        paths.push_back(entry->path);
    }

    const auto file = open(bytes);
    const auto blob = [](const Digest& digest) { return "blobs/sha256/" + digest.hex(); };
    EXPECT_THAT(
        paths,
        ElementsAre(
            "oci-layout",
            "index.json",
            "blobs",
            "blobs/sha256",
            blob(file->layout().document),
            blob(digest_of(k_members[0])),
            blob(digest_of(k_members[1])),
            blob(digest_of(k_members[2]))
        )
    );
}

TEST(BundleFile, ThatIsCutShortSaysInWhichPart) {
    const std::string bytes = sample();
    const auto whole = open(bytes);
    const BundleMember& second = *whole->find(digest_of(k_members[1]));

    const auto cut = open(std::string_view(bytes).substr(0, second.content_offset() + 10));

    ASSERT_THAT(cut, FailsSaying(Code::invalid_input, "b.kiln is cut short"));
    EXPECT_THAT(cut.error().message, HasSubstr("in part 2"));
    EXPECT_FALSE(cut.error().hint.empty());
}

TEST(BundleFile, SaysWhatElseAFileIs) {
    EXPECT_THAT(open(""), FailsSaying(Code::invalid_input, "b.kiln is no bundle"));
    EXPECT_THAT(open(std::string(4096, 'a')), FailsSaying(Code::invalid_input, "no bundle"));
    const std::string bytes = sample();
    const std::string saved = bytes.substr(0, 1024) + bytes.substr(2048);
    EXPECT_THAT(open(saved), FailsSaying(Code::invalid_input, "another archive of images"));
    EXPECT_THAT(open(bytes + "more"), FailsSaying(Code::digest_mismatch, "what follows its end"));
}

RC_GTEST_PROP(BundleFile, IsRefusedWhereverItIsCut, ()) {
    static const std::string k_bytes = sample();
    const auto size = *rc::gen::inRange<std::size_t>(0, k_bytes.size());

    RC_ASSERT(!open(std::string_view(k_bytes).substr(0, size)));
}

RC_GTEST_PROP(BundleFile, ShowsEveryAlteredByte, ()) {
    static const std::string k_bytes = sample();
    std::string altered = k_bytes;
    const auto at = *rc::gen::inRange<std::size_t>(0, k_bytes.size());
    const auto by = *rc::gen::inRange(1, 256);
    altered[at] = static_cast<char>(static_cast<unsigned char>(altered[at]) ^ by);

    const auto file = open(altered);

    const bool shows = !file || has_altered_part(*file);  // RC_ASSERT would look at both sides
    RC_ASSERT(shows);
}

RC_GTEST_PROP(BundleFile, TakesOrRefusesAnyBytes, ()) {
    testing::check_bundle_file(as_bytes(testing::arbitrary_mutation("bundle_file")));
}

}  // namespace
}  // namespace kiln::client
