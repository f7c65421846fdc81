#include "daemon/conda/settings.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::daemon {
namespace {

CondaSettings with_secrets() {
    CondaSettings settings;
    settings.secrets["https://conda.example"].token = "host";
    settings.secrets["https://conda.example/team"].token = "team";
    return settings;
}

TEST(ChannelSecrets, AreThoseOfTheNearestPlaceAbove) {
    const CondaSettings settings = with_secrets();

    EXPECT_EQ(settings.secret_for("https://conda.example/team/linux-64/a.conda")->token, "team");
    EXPECT_EQ(settings.secret_for("https://conda.example/other/noarch/a.conda")->token, "host");
    EXPECT_EQ(settings.secret_for("https://conda.example")->token, "host");
}

TEST(ChannelSecrets, AreForNoOtherPlace) {
    const CondaSettings settings = with_secrets();

    EXPECT_EQ(settings.secret_for("https://conda.example.evil/team"), nullptr);
    EXPECT_EQ(settings.secret_for("http://conda.example/team"), nullptr);
    EXPECT_EQ(settings.secret_for("https://conda.example/teams")->token, "host");
}

}  // namespace
}  // namespace kiln::daemon
