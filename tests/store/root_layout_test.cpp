#include "store/root_layout.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
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

TEST(RootLayout, WhatRefersToANamedImageIsListedWithoutAName) {
    const Descriptor image{.media_type = "a/b", .digest = digest_of("image"), .size_bytes = 5};
    const Ref ref{.name = "app:1", .target = image};
    const auto about = [](const std::string& subject) {
        const Descriptor manifest{
            .media_type = "c/d", .digest = digest_of("about " + subject), .size_bytes = 7};
        return Referrer{
            .subject = digest_of(subject), .manifest = manifest, .artifact_type = "e/f"};
    };

    const std::string text = render_index_json({ref}, {about("image"), about("something else")});

    EXPECT_THAT(
        text,
        ::testing::HasSubstr(
            R"({"mediaType":"c/d","digest":")" + digest_of("about image").render()
            + R"(","size":7,"artifactType":"e/f"})"
        )
    );
    EXPECT_THAT(
        text, ::testing::Not(::testing::HasSubstr(digest_of("about something else").hex()))
    );
    const auto parsed = parse_index_json(text);
    ASSERT_THAT(parsed, testing::Succeeds());
    EXPECT_EQ(*parsed, std::vector{ref});
}

}  // namespace
}  // namespace kiln::store
