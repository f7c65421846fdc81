#include "daemon/environments/naming.hpp"

#include "tests/support/matchers.hpp"

#include <vector>

namespace kiln::daemon {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;

TEST(EnvironmentName, IsMadeOfLettersDigitsDashesUnderscoresAndDots) {
    EXPECT_THAT(check_environment_name("Torch_2.1-gpu"), Succeeds());
    EXPECT_THAT(check_environment_name(std::string(255, 'a')), Succeeds());
    EXPECT_THAT(check_environment_name(std::string(256, 'a')), FailsWith(Code::too_large));
    for (const char* bad : {"", ".", "..", "a/b", "a:b", "a b", "\xC3\xA4", "a\n"}) {
        EXPECT_THAT(check_environment_name(bad), FailsWith(Code::invalid_input)) << bad;
    }
}

TEST(EnvironmentName, IsReservedInAnyCase) {
    EXPECT_TRUE(is_reserved_name("AzureML-minimal"));
    EXPECT_TRUE(is_reserved_name("azureml-x"));
    EXPECT_TRUE(is_reserved_name("MICROSOFTx"));
    EXPECT_FALSE(is_reserved_name("azuremlx"));
    EXPECT_FALSE(is_reserved_name("my-AzureML-x"));
}

TEST(EnvironmentName, IsRefusedWhereACuratedEnvironmentBearsIt) {
    const std::vector<std::string> curated = {"torch"};

    EXPECT_THAT(refuse_reserved_name("torch", curated), FailsSaying(Code::permission, "curated"));
    EXPECT_THAT(refuse_reserved_name("torch2", curated), Succeeds());
}

TEST(EnvironmentVersion, IsByDefaultTheNextWholeNumber) {
    EXPECT_EQ(next_version({}), "1");
    EXPECT_EQ(next_version(std::vector<std::string>{"2", "10", "9"}), "11");
    EXPECT_EQ(next_version(std::vector<std::string>{"beta", "1.5", "007"}), "1");
    EXPECT_EQ(next_version(std::vector<std::string>{"beta", "3", "99.1"}), "4");
}

TEST(EnvironmentVersion, IsOrderedByTheValueOfItsNumbers) {
    EXPECT_TRUE(version_less("9", "10"));
    EXPECT_TRUE(version_less("2.9", "2.10"));
    EXPECT_TRUE(version_less("1", "1-beta"));
    EXPECT_TRUE(version_less("2024-01-05", "2024-02-01"));
    EXPECT_EQ(latest_version(std::vector<std::string>{"2", "10", "9"}), "10");
    EXPECT_EQ(latest_version({}), "");
}

RC_GTEST_PROP(EnvironmentVersion, OrderIsStrictAndTotal, ()) {
    const auto version = rc::gen::container<std::string>(rc::gen::element('0', '1', '9', 'a', '.'));
    const std::string a = *version;
    const std::string b = *version;
    const std::string c = *version;

    RC_ASSERT(version_less(a, b) + version_less(b, a) == (a == b ? 0 : 1));
    RC_ASSERT(!(version_less(a, b) && version_less(b, c)) || version_less(a, c));
}

TEST(EnvironmentReference, IsANameAndPerhapsAVersion) {
    const auto named = EnvironmentReference::parse("env:torch:7");
    ASSERT_THAT(named, Succeeds());
    EXPECT_EQ(named->name, "torch");
    EXPECT_EQ(named->version, "7");
    EXPECT_EQ(named->render(), "torch:7");

    EXPECT_EQ(EnvironmentReference::parse("torch")->version, "");
    EXPECT_THAT(EnvironmentReference::parse("torch:"), FailsWith(Code::invalid_input));
    EXPECT_THAT(EnvironmentReference::parse("a:1:2"), FailsWith(Code::invalid_input));
    EXPECT_THAT(EnvironmentReference::parse("env:"), FailsWith(Code::invalid_input));
}

}  // namespace
}  // namespace kiln::daemon
