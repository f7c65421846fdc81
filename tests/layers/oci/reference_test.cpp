#include "layers/oci/reference.hpp"

#include "tests/layers/oci/corpus.hpp"
#include "tests/support/matchers.hpp"

#include <rapidcheck/gtest.h>

#include <string>

namespace kiln::oci {
namespace {

using kiln::testing::FailsSaying;
using kiln::testing::FailsWith;
using kiln::testing::Succeeds;
using testing::each_row;
using testing::text_of;

constexpr std::string_view k_hex =
    "dbcc1c35ac38df41fd2f5e4130b32ffdb93ebae8b3dbe638c23575912276fc9c";

TEST(Reference, FillsInWhatDockerLeavesOut) {
    const auto app = Reference::parse("app");

    ASSERT_THAT(app, Succeeds());
    EXPECT_EQ(app->domain(), "docker.io");
    EXPECT_EQ(app->path(), "library/app");
    EXPECT_EQ(app->tag(), std::nullopt);
    EXPECT_EQ(app->with_default_tag().render(), "docker.io/library/app:latest");
    EXPECT_EQ(app->familiar(), "app");
    EXPECT_EQ(app->typed(), "app");
}

TEST(Reference, TakesTheFirstPartForAHostOnlyWhenItLooksLikeOne) {
    EXPECT_EQ(Reference::parse("localhost/a")->domain(), "localhost");
    EXPECT_EQ(Reference::parse("127.0.0.1:5000/a/b:1")->domain(), "127.0.0.1:5000");
    EXPECT_EQ(Reference::parse("team/a")->render(), "docker.io/team/a");
    EXPECT_EQ(Reference::parse("index.docker.io/a")->render(), "docker.io/library/a");
    EXPECT_EQ(Reference::parse("docker.io/library/a/b")->familiar(), "library/a/b");
    EXPECT_EQ(Reference::parse("docker.io/a.b/c")->familiar(), "docker.io/a.b/c");
}

TEST(Reference, TheDigestWinsOverATag) {
    const std::string digest = "sha256:" + std::string(k_hex);

    const auto both = Reference::parse("app:1@" + digest);

    ASSERT_THAT(both, Succeeds());
    EXPECT_EQ(both->familiar(), "app:1@" + digest);
    EXPECT_EQ(both->with_default_tag().familiar(), "app@" + digest);
}

TEST(Reference, SaysWhatIsWrongWithAName) {
    EXPECT_THAT(Reference::parse("My/App"), FailsSaying(Code::invalid_input, "lower-case"));
    EXPECT_THAT(Reference::parse("app:"), FailsSaying(Code::invalid_input, "tag"));
    EXPECT_THAT(Reference::parse(""), FailsWith(Code::invalid_input));
    EXPECT_THAT(Reference::parse("a//b"), FailsWith(Code::invalid_input));
    EXPECT_THAT(Reference::parse("../a"), FailsWith(Code::invalid_input));
    EXPECT_THAT(Reference::parse(k_hex), FailsSaying(Code::invalid_input, "digest"));
    EXPECT_THAT(Reference::parse("a@sha256:12"), FailsSaying(Code::invalid_input, "64"));
    EXPECT_THAT(Reference::parse("a@sha512:12"), FailsWith(Code::unsupported));
    EXPECT_THAT(Reference::parse("a:" + std::string(129, 'x')), FailsWith(Code::too_large));
    EXPECT_THAT(Reference::parse(std::string(1 << 20, 'x')), FailsWith(Code::too_large));
}

RC_GTEST_PROP(Reference, ParsingWhatWasRenderedGivesTheSame, ()) {
    const auto text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("aab019./:-_Z[]")));
    const auto reference = Reference::parse(text);
    if (!reference) {
        return;
    }
    RC_ASSERT(*Reference::parse(reference->render()) == *reference);
    RC_ASSERT(*Reference::parse(reference->familiar()) == *reference);
}

TEST(Reference, SplitsAsTheReferenceTablesSay) {
    const auto check = [](const json::Value& row) {
        const std::string input = text_of(row, "input");
        const auto parts = split_reference(input);
        if (row.as_object().contains("err")) {
            EXPECT_FALSE(parts.has_value()) << input;
            return;
        }
        ASSERT_THAT(parts, Succeeds()) << input;
        const std::string name = (parts->domain.empty() ? "" : parts->domain + "/") + parts->path;
        EXPECT_EQ(parts->domain, text_of(row, "domain")) << input;
        EXPECT_EQ(name, text_of(row, "repository")) << input;
        EXPECT_EQ(parts->tag.value_or(""), text_of(row, "tag")) << input;
        EXPECT_EQ(parts->digest ? parts->digest->render() : "", text_of(row, "digest")) << input;
    };
    if (!each_row("reference", "TestReferenceParse", "tests", check)) {
        GTEST_SKIP() << "../shared/corpora/reference is absent";
    }
}

TEST(Reference, KnowsNamesAsTheRegexpTablesSay) {
    const auto check_name = [](const json::Value& row) {
        const std::string input = text_of(row, "input");
        const auto parts = split_reference(input);
        const bool is_name = parts && !parts->tag && !parts->digest;
        ASSERT_EQ(is_name, row.at("match").as_bool()) << input;
        if (const json::Value* subs = row.as_object().if_contains("subs"); subs && is_name) {
            EXPECT_EQ(parts->domain, subs->as_array().at(0).as_string()) << input;
            EXPECT_EQ(parts->path, subs->as_array().at(1).as_string()) << input;
        }
    };
    const auto check_domain = [](const json::Value& row) {
        const std::string input = text_of(row, "input");
        const auto parts = split_reference(input + "/x");
        EXPECT_EQ(parts && parts->domain == input, row.at("match").as_bool()) << input;
    };
    const auto check_reference = [](const json::Value& row) {
        const std::string input = text_of(row, "input");
        EXPECT_EQ(split_reference(input).has_value(), row.at("match").as_bool()) << input;
    };
    if (!each_row("reference", "TestFullNameRegexp", "tests", check_name)) {
        GTEST_SKIP() << "../shared/corpora/reference is absent";
    }
    each_row("reference", "TestDomainRegexp", "tests", check_domain);
    each_row("reference", "TestReferenceRegexp", "tests", check_reference);
}

TEST(Reference, NormalisesAsTheTablesSay) {
    const auto valid = [](const json::Value& row) {
        EXPECT_THAT(Reference::parse(std::string(row.as_string())), Succeeds());
    };
    const auto invalid = [](const json::Value& row) {
        EXPECT_FALSE(Reference::parse(std::string(row.as_string()))) << row.as_string();
    };
    const auto info = [](const json::Value& row) {
        for (const std::string key : {"AmbiguousName", "FamiliarName", "FullName"}) {
            if (text_of(row, key).empty()) {
                continue;
            }
            const auto reference = Reference::parse(text_of(row, key));
            ASSERT_THAT(reference, Succeeds());
            EXPECT_EQ(reference->domain(), text_of(row, "Domain"));
            EXPECT_EQ(reference->path(), text_of(row, "RemoteName"));
            EXPECT_EQ(reference->name(), text_of(row, "FullName"));
            EXPECT_EQ(reference->familiar(), text_of(row, "FamiliarName"));
        }
    };
    if (!each_row("reference", "TestValidateReferenceName", "validRepoNames", valid)) {
        GTEST_SKIP() << "../shared/corpora/reference is absent";
    }
    each_row("reference", "TestValidateReferenceName", "invalidRepoNames", invalid);
    each_row("reference", "TestValidateRemoteName", "validRepositoryNames", valid);
    each_row("reference", "TestValidateRemoteName", "invalidRepositoryNames", invalid);
    each_row("reference", "TestParseRepositoryInfo", "tests", info);
    each_row("reference", "TestNormalizedSplitHostname", "tests", [](const json::Value& row) {
        const auto reference = Reference::parse(text_of(row, "input"));
        ASSERT_THAT(reference, Succeeds());
        EXPECT_EQ(reference->domain(), text_of(row, "domain"));
        EXPECT_EQ(reference->path(), text_of(row, "path"));
    });
    each_row("reference", "TestParseDockerRef", "tests", [](const json::Value& row) {
        const auto reference = Reference::parse(text_of(row, "input"));
        ASSERT_THAT(reference, Succeeds());
        EXPECT_EQ(reference->with_default_tag().render(), text_of(row, "expected"));
    });
    each_row("reference", "TestParseAnyReference", "tests", [](const json::Value& row) {
        const auto reference = Reference::parse(text_of(row, "Reference"));
        if (row.as_object().contains("Expected")) {
            EXPECT_FALSE(reference.has_value());  // an image id, not a name
            return;
        }
        ASSERT_THAT(reference, Succeeds());
        EXPECT_EQ(reference->render(), text_of(row, "Equivalent"));
    });
}

}  // namespace
}  // namespace kiln::oci
