#include "layers/oci/chain_id.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/oci/image_index.hpp"
#include "layers/oci/image_layout.hpp"
#include "layers/oci/manifest.hpp"
#include "layers/oci/media_type.hpp"
#include "store/hasher.hpp"
#include "tests/layers/oci/corpus.hpp"
#include "tests/support/matchers.hpp"

#include <functional>
#include <string>

// What opencontainers/image-spec's own tables say of every document.

namespace kiln::oci {
namespace {

using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using testing::each_row;
using testing::text_of;

/// Valid documents parse, or are told to be beyond us (digests other than sha256); invalid ones
/// are invalid.
void expect_as_row(const json::Value& row, const std::string& text, const Result<void>& parsed) {
    const json::Value* fails = row.as_object().if_contains("fail");
    if (fails != nullptr && fails->as_bool()) {
        EXPECT_THAT(parsed, FailsWith(Code::invalid_input)) << text;
    } else if (!parsed) {
        EXPECT_THAT(parsed, FailsWith(Code::unsupported)) << text;
        EXPECT_NE(parsed.error().message.find("only sha256"), std::string::npos);
    }
}

template<class Document>
void expect_table(const std::string& function, std::string_view key) {
    int rows = 0;
    const auto check = [&](const json::Value& row) {
        const std::string text = text_of(row, key);
        const auto parsed = Document::parse(as_bytes(text));
        expect_as_row(row, text, parsed ? Result<void>() : Result<void>(fail(parsed.error())));
        if (parsed) {
            EXPECT_EQ(Document::parse(as_bytes(parsed->render())), *parsed) << text;
        }
        ++rows;
    };
    if (!each_row("oci-image-spec", function, "range", check)) {
        GTEST_SKIP() << "../shared/corpora/oci-image-spec is absent";
    }
    EXPECT_GT(rows, 0);
}

TEST(ImageSpec, Manifests) {
    expect_table<Manifest>("TestManifest", "manifest");
    expect_table<Manifest>("TestBackwardsCompatibilityManifest", "manifest");
}

TEST(ImageSpec, Indexes) {
    expect_table<ImageIndex>("TestImageIndex", "imageIndex");
    expect_table<ImageIndex>("TestBackwardsCompatibilityImageIndex", "imageIndex");
}

TEST(ImageSpec, Configs) {
    expect_table<ImageConfig>("TestConfig", "config");
    expect_table<ImageConfig>("TestBackwardsCompatibilityConfig", "config");
}

TEST(ImageSpec, Descriptors) {
    const auto check = [](const json::Value& row) {
        const std::string text = text_of(row, "descriptor");
        const auto value = json::parse(text, "the descriptor");
        ASSERT_THAT(value, Succeeds());
        const auto parsed = LinkedDescriptor::from_json(*value, "the descriptor");
        expect_as_row(row, text, parsed ? Result<void>() : Result<void>(fail(parsed.error())));
    };
    if (!each_row("oci-image-spec", "TestDescriptor", "range", check)) {
        GTEST_SKIP() << "../shared/corpora/oci-image-spec is absent";
    }
}

TEST(ImageSpec, Layouts) {
    const auto check = [](const json::Value& row) {
        const std::string text = text_of(row, "imageLayout");
        expect_as_row(row, text, check_layout(as_bytes(text)));
    };
    if (!each_row("oci-image-spec", "TestImageLayout", "range", check)) {
        GTEST_SKIP() << "../shared/corpora/oci-image-spec is absent";
    }
    EXPECT_THAT(check_layout(as_bytes(k_layout_text)), Succeeds());
}

TEST(ImageSpec, ChainIds) {
    const std::vector<std::string> diff_ids = {"sha256:a", "sha256:b", "sha256:c"};

    const std::vector<std::string> chain = chain_ids(diff_ids);

    const std::string ab = digest_of("sha256:a sha256:b").render();
    EXPECT_THAT(
        chain, ::testing::ElementsAre("sha256:a", ab, digest_of(ab + " sha256:c").render())
    );
    EXPECT_TRUE(chain_ids({}).empty());
    const Digest one = digest_of("1");
    const Digest two = digest_of("2");
    EXPECT_EQ(chain_id(std::array{one}), one);
    EXPECT_EQ(chain_id(std::array{one, two}), digest_of(one.render() + " " + two.render()));
}

TEST(ImageSpec, DockersTypesMeanTheSame) {
    EXPECT_EQ(kind_of(k_docker_index), DocumentKind::index);
    EXPECT_EQ(kind_of(k_docker_manifest), DocumentKind::manifest);
    EXPECT_EQ(kind_of(k_docker_config), DocumentKind::config);
    EXPECT_EQ(layer_compression(k_docker_layer_gzip), Compression::gzip);
    EXPECT_EQ(kind_of("application/vnd.example"), DocumentKind::other);
    for (const Compression each : {Compression::none, Compression::gzip, Compression::zstd}) {
        EXPECT_EQ(layer_compression(layer_media_type(each)), each);
    }
}

}  // namespace
}  // namespace kiln::oci
