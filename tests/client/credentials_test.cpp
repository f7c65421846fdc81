#include "client/credentials.hpp"

#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <sys/stat.h>

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using ::testing::Key;
using testing::Succeeds;
using testing::TempDirectory;

class Credentials : public ::testing::Test {
  protected:
    TempDirectory home_;
    Environment environment_{Environment::Variables{{"XDG_CONFIG_HOME", home_.path("config")}}};

    CredentialFile open() { return CredentialFile::open(environment_).value(); }
};

TEST_F(Credentials, AreKeptForTheUserAlone) {
    auto file = open();
    file.set("registry.example", {"user", "pass:word"});
    ASSERT_THAT(file.save(), Succeeds());

    const auto found = open().find("registry.example");

    struct stat facts {};

    ASSERT_EQ(::stat(file.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0600U);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->username, "user");
    EXPECT_EQ(found->password, "pass:word");
    EXPECT_FALSE(open().find("other.example"));
}

TEST_F(Credentials, HaveDockersForm) {
    home_.write(
        "config/kiln/auth.json",
        R"({"credsStore":"x","auths":{"h:5000":{"auth":"dXNlcjpzZWNyZXQ=","email":"e"}}})"
    );

    auto file = open();
    EXPECT_EQ(file.find("h:5000")->password, "secret");
    ASSERT_THAT(file.save(), Succeeds());

    EXPECT_NE(home_.read("config/kiln/auth.json").find("credsStore"), std::string::npos);
}

TEST_F(Credentials, AreForgotten) {
    auto file = open();
    file.set("h", {"u", "p"});

    EXPECT_TRUE(file.remove("h"));
    EXPECT_FALSE(file.remove("h"));
    ASSERT_THAT(file.save(), Succeeds());
    EXPECT_FALSE(open().find("h"));
}

TEST_F(Credentials, RefuseAFileOfAnotherForm) {
    for (const char* text :
         {"[]",
          "{",
          R"({"auths":[]})",
          R"({"auths":{"h":{"auth":"no colon"}}})",
          R"({"auths":{"h":{"auth":"dXNlcg=="}}})"}) {
        home_.write("config/kiln/auth.json", text);

        EXPECT_THAT(CredentialFile::open(environment_), FailsWith(Code::invalid_input)) << text;
    }
}

TEST_F(Credentials, AreSentOnlyForTheRegistriesThatAreNamed) {
    auto file = open();
    file.set("one.example", {"u", "p"});
    file.set("two.example:5000", {"u", "p"});
    ASSERT_THAT(file.save(), Succeeds());

    const auto chosen = credentials_for(environment_, {"two.example:5000/a/b:1", "app:1"});

    ASSERT_THAT(chosen, Succeeds());
    EXPECT_THAT(*chosen, ElementsAre(Key("two.example:5000")));
    EXPECT_THAT(*credentials_for(Environment(), {"one.example/a"}), IsEmpty());
}

TEST(Registries, AreNamedByReferences) {
    EXPECT_EQ(registry_of("app:1"), "docker.io");
    EXPECT_EQ(registry_of("user/app"), "docker.io");
    EXPECT_EQ(registry_of("localhost/app"), "localhost");
    EXPECT_EQ(registry_of("localhost:5000/app"), "localhost:5000");
    EXPECT_EQ(registry_of("registry.example/a/b@sha256:aa"), "registry.example");
}

}  // namespace
}  // namespace kiln::client
