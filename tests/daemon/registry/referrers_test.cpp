#include "daemon/registry/referrers.hpp"

#include "layers/oci/image_index.hpp"
#include "tests/daemon/registry/push_fixture.hpp"
#include "tests/support/fake_registry.hpp"

namespace kiln::registry {
namespace {

using ::testing::Contains;
using testing::FailsSaying;
using testing::FakeRegistry;
using ::testing::Not;
using testing::Succeeds;

constexpr const char* k_type = "application/vnd.oci.image.manifest.v1+json";

oci::LinkedDescriptor entry(const std::string& text) {
    return {
        .descriptor = {.media_type = k_type, .digest = digest_of(text), .size_bytes = text.size()},
        .artifact_type = "application/spdx+json"};
}

PushReferrer referrer(PushFixture& test, const std::string& text) {
    return {
        .manifest = entry(text),
        .text = text,
        .blobs = {test.blob("document of " + text, "application/spdx+json")}};
}

std::vector<oci::LinkedDescriptor> listed(FakeRegistry& registry, const std::string& manifest) {
    const auto text = registry.manifest("app", referrers_tag(digest_of(manifest)));
    return text ? oci::ImageIndex::parse(as_bytes(*text)).value().manifests
                : std::vector<oci::LinkedDescriptor>();
}

TEST(Referrers, AnIndexGetsOneMoreEntryAndNeverTheSameTwice) {
    const auto first = with_referrer("", entry("one"));
    ASSERT_THAT(first, Succeeds());
    const auto second = with_referrer(**first, entry("two"));
    ASSERT_THAT(second, Succeeds());
    const auto again = with_referrer(**second, entry("one"));
    ASSERT_THAT(again, Succeeds());

    const auto index = oci::ImageIndex::parse(as_bytes(**second));
    ASSERT_THAT(index, Succeeds());
    EXPECT_EQ(index->manifests, (std::vector{entry("one"), entry("two")}));
    EXPECT_EQ(index->media_type, "application/vnd.oci.image.index.v1+json");
    EXPECT_FALSE(again->has_value());
}

TEST(Referrers, SomebodyElsesTagIsNotWrittenOver) {
    EXPECT_THAT(with_referrer("no index", entry("one")), FailsSaying(Code::upstream, ""));
}

TEST(Push, BringsWhatRefersToTheImageAndListsItUnderTheTag) {
    FakeRegistry registry;
    PushFixture test;
    for (const std::string text : {R"({"about":1})", R"({"about":2})"}) {
        PushRequest request = test.image(registry.host() + "/app:1", {"a"});
        request.referrers.push_back(referrer(test, text));
        ASSERT_THAT(test.push(request), Succeeds());
        ASSERT_THAT(test.push(request), Succeeds());
    }

    const std::string manifest = *registry.manifest("app", "1");
    EXPECT_EQ(
        listed(registry, manifest), (std::vector{entry(R"({"about":1})"), entry(R"({"about":2})")})
    );
    EXPECT_EQ(registry.manifest("app", digest_of(R"({"about":1})").render()), R"({"about":1})");
    EXPECT_TRUE(registry.blob(digest_of(R"(document of {"about":2})")).has_value());
}

TEST(Push, LeavesTheListingToARegistryThatDoesIt) {
    FakeRegistry registry;
    PushFixture test;
    PushRequest request = test.image(registry.host() + "/app:1", {"a"});
    const std::string text = R"({"about":1})";
    request.referrers.push_back(referrer(test, text));
    registry.answer_next(
        "PUT",
        "/manifests/" + digest_of(text).render(),
        201,
        1,
        "",
        {{"OCI-Subject", digest_of(request.manifest).render()}}
    );

    ASSERT_THAT(test.push(request), Succeeds());

    const std::string tag = referrers_tag(digest_of(request.manifest));
    EXPECT_THAT(registry.requests(), Not(Contains("PUT /v2/app/manifests/" + tag)));
}

}  // namespace
}  // namespace kiln::registry
