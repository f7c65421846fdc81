// What a push must do against every registry: run on the fake and on Debian's docker-registry.

#include "store/hasher.hpp"
#include "tests/daemon/registry/push_fixture.hpp"
#include "tests/support/docker_registry.hpp"
#include "tests/support/fake_registry.hpp"

#include <array>

namespace kiln::registry {
namespace {

using testing::DockerRegistry;
using testing::FailsWith;
using testing::FakeAuth;
using testing::FakeRegistry;
using testing::Succeeds;

enum class Kind : std::uint8_t { fake_with_basic, fake_with_bearer, docker_registry };

class RegistryConformance : public ::testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        test.credentials = Credentials{DockerRegistry::k_username, DockerRegistry::k_password};
        if (GetParam() == Kind::docker_registry) {
            docker = DockerRegistry::start();
            if (docker == nullptr) {
                GTEST_SKIP() << "docker-registry or htpasswd is not installed";
            }
            host = docker->host();
            return;
        }
        const bool basic = GetParam() == Kind::fake_with_basic;
        fake = std::make_unique<FakeRegistry>(testing::FakeRegistryOptions{
            .auth = basic ? FakeAuth::basic : FakeAuth::bearer,
            .username = DockerRegistry::k_username,
            .password = DockerRegistry::k_password});
        host = fake->host();
    }

    Result<Response> get(const std::string& target) {
        Transport transport(test.loop.get_executor(), test.pool);
        const Url registry = Url::parse("http://" + host + "/v2/").value();
        Memory memory;
        Access access{registry, test.credentials, {push_scope("team/app")}};
        Authorizer authorizer(transport, memory, std::move(access));
        Request request;
        request.url = Url::parse("http://" + host + target).value();
        request.headers.emplace_back("Accept", "application/vnd.oci.image.manifest.v1+json");
        request.body_limit_bytes = 64U << 20U;
        return testing::run_loop(test.loop, authorizer.send(request));
    }

    PushFixture test;
    std::unique_ptr<DockerRegistry> docker;
    std::unique_ptr<FakeRegistry> fake;
    std::string host;
};

TEST_P(RegistryConformance, HoldsWhatWasPushed) {
    const std::string large(5'000'000, 'x');
    const PushRequest request = test.image(host + "/team/app:1", {"layer one", large, ""});

    const auto result = test.push(request);

    ASSERT_THAT(result, Succeeds());
    EXPECT_EQ(result->uploaded, 4U);
    EXPECT_EQ(result->digest, digest_of(request.manifest));
    const auto manifest = get("/v2/team/app/manifests/1");
    ASSERT_THAT(manifest, Succeeds());
    EXPECT_EQ(manifest->body, request.manifest);
    const auto layer = get("/v2/team/app/blobs/" + digest_of(large).render());
    ASSERT_THAT(layer, Succeeds());
    EXPECT_EQ(layer->body, large);
}

TEST_P(RegistryConformance, SendsNothingTwice) {
    const PushRequest request = test.image(host + "/team/app:1", {"one", "two"});
    ASSERT_THAT(test.push(request), Succeeds());
    test.opened = 0;

    const auto again = test.push(request);

    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(again->uploaded, 0U);
    EXPECT_EQ(again->present, 3U);
    EXPECT_EQ(test.opened, 0);
}

TEST_P(RegistryConformance, TakesADigestAsTheName) {
    PushRequest request = test.image(host + "/team/app:x", {"one"});
    const Digest digest = digest_of(request.manifest);
    request.destination = oci::Reference::parse(host + "/team/app@" + digest.render()).value();

    ASSERT_THAT(test.push(request), Succeeds());

    EXPECT_EQ(get("/v2/team/app/manifests/" + digest.render())->body, request.manifest);
}

TEST_P(RegistryConformance, MountsWhatAnotherRepositoryHas) {
    const PushRequest first = test.image(host + "/team/base:1", {"shared layer"});
    ASSERT_THAT(test.push(first), Succeeds());
    if (fake) {
        fake->put_elsewhere("shared layer of another");
    }
    const std::string content = fake ? "shared layer of another" : "shared layer";
    PushRequest second = test.image(host + "/team/app:1", {content});
    second.layers[0].mount_from = "team/base";

    const auto result = test.push(second);

    ASSERT_THAT(result, Succeeds());
    EXPECT_EQ(result->mounted, 1U);
}

TEST_P(RegistryConformance, RefusesStrangers) {
    EXPECT_THAT(test.check_login(host, *test.credentials), Succeeds());
    EXPECT_THAT(test.check_login(host, {"user", "wrong"}), FailsWith(Code::permission));
    test.credentials = std::nullopt;
    EXPECT_THAT(test.push(test.image(host + "/team/app:1", {"one"})), FailsWith(Code::permission));
    test.credentials = Credentials{"user", "wrong"};
    EXPECT_THAT(test.push(test.image(host + "/team/app:1", {"one"})), FailsWith(Code::permission));
}

TEST_P(RegistryConformance, SaysThatTheBytesAreNotWhatTheyAreCalled) {
    PushRequest request = test.image(host + "/team/app:1", {"one"});
    request.layers[0].open = test.blob("two", "").open;

    EXPECT_THAT(test.push(request), FailsWith(Code::digest_mismatch));
}

std::string name_of(const ::testing::TestParamInfo<Kind>& kind) {
    constexpr std::array<const char*, 3> k_names = {"FakeBasic", "FakeBearer", "DockerRegistry"};
    return k_names.at(static_cast<std::size_t>(kind.param));
}

INSTANTIATE_TEST_SUITE_P(
    Registries,
    RegistryConformance,
    ::testing::Values(Kind::fake_with_basic, Kind::fake_with_bearer, Kind::docker_registry),
    name_of
);

}  // namespace
}  // namespace kiln::registry
