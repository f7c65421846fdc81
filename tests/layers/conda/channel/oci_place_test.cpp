#include "layers/conda/channel/oci_place.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::conda {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::Succeeds;

OciPlace place_of(const std::string& url) {
    return find_oci_place(url).value().value();
}

TEST(OciPlace, IsATagOfTheRepositoryOfAPackage) {
    const OciPlace place = place_of(
        "oci://ghcr.example/mirrors/forge/linux-64/python-dateutil-2.9.0-pyhd8ed1ab_0.conda"
    );

    EXPECT_EQ(place.host, "ghcr.example");
    EXPECT_EQ(place.repository, "mirrors/forge/linux-64/python-dateutil");
    EXPECT_EQ(place.tag, "2.9.0-pyhd8ed1ab_0");
    EXPECT_THAT(place.media_types, ElementsAre("application/vnd.conda.package.v2"));
}

TEST(OciPlace, WritesWhatNoNameOfARegistryMayHold) {
    const OciPlace place = place_of("oci://h:5000/c/noarch/_x-1!2.0+cpu=3-0.tar.bz2");

    EXPECT_EQ(place.host, "h:5000");
    EXPECT_EQ(place.repository, "c/noarch/zzz_x");
    EXPECT_EQ(place.tag, "1__e__2.0__p__cpu__eq__3-0");
    EXPECT_THAT(place.media_types, ElementsAre("application/vnd.conda.package.v1"));
    EXPECT_EQ(place_of("oci://h:5000/c/noarch/_x-1%212.0%2Bcpu%3D3-0.tar.bz2"), place);
}

TEST(OciPlace, OfRepodataIsTheLatest) {
    const OciPlace packed = place_of("oci://h/c/linux-64/repodata.json.zst");

    EXPECT_EQ(packed.repository, "c/linux-64/repodata.json");
    EXPECT_EQ(packed.tag, "latest");
    EXPECT_THAT(
        packed.media_types,
        ElementsAre(
            "application/vnd.conda.repodata.v1+json+zst",
            "application/vnd.conda.repodata.v1+json+gzip"
        )
    );
    EXPECT_THAT(
        place_of("oci://h/c/linux-64/repodata.json").media_types,
        ElementsAre("application/vnd.conda.repodata.v1+json")
    );
}

TEST(OciPlace, IsNowhereForWhatSuchAChannelDoesNotHave) {
    const auto shards = find_oci_place("oci://h/c/linux-64/repodata_shards.msgpack.zst");

    ASSERT_THAT(shards, Succeeds());
    EXPECT_FALSE(shards->has_value());
    for (const char* url :
         {"oci://h/x.conda",
          "https://h/c/x-1-0.conda",
          "oci://h",
          "oci://h/c/x-1.conda",
          "oci://h/c/-1-0.conda"}) {
        EXPECT_THAT(find_oci_place(url), FailsWith(Code::invalid_input)) << url;
    }
}

}  // namespace
}  // namespace kiln::conda
