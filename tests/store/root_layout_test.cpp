#include "store/root_layout.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace kiln::store {
namespace {

TEST(IndexJson, IsWhatOtherToolsRead) {
    const Ref ref{
        .name = "app:1",
        .target = {
            .media_type = "application/vnd.oci.image.manifest.v1+json",
            .digest = digest_of(""),
            .size_bytes = 7}};

    EXPECT_EQ(
        render_index_json({ref}),
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":)"
        R"([{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":)"
        R"("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7,)"
        R"("annotations":{"org.opencontainers.image.ref.name":"app:1"}}]})"
    );
}

TEST(IndexJson, RefusesADescriptorWithoutAName) {
    const auto refs = parse_index_json(
        R"({"schemaVersion":2,"manifests":[{"mediaType":"a","digest":)"
        R"("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7}]})"
    );

    EXPECT_THAT(refs, testing::FailsSaying(Code::invalid_input, "no name"));
}

RC_GTEST_PROP(IndexJsonLaw, RefsComeBack, ()) {
    const auto letters = rc::gen::container<std::string>(rc::gen::inRange('!', '~'));
    std::vector<Ref> refs;
    const auto count = *rc::gen::inRange(0, 20);
    for (int i = 0; i < count; ++i) {
        refs.push_back(
            {.name = *letters,
             .target =
                 {.media_type = *letters,
                  .digest = digest_of(*letters),
                  .size_bytes = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1 << 30))}}
        );
    }

    const auto parsed = parse_index_json(render_index_json(refs));

    RC_ASSERT(parsed.has_value());
    RC_ASSERT(*parsed == refs);
}

}  // namespace
}  // namespace kiln::store
