#include "client/build/output_spec.hpp"

#include "tests/support/matchers.hpp"

namespace kiln::client {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::Pair;
using testing::Succeeds;

TEST(OutputSpec, ReadsTypeDestinationNameAndCompression) {
    const auto spec =
        OutputSpec::parse("type=oci,dest=a.tar,name=app:1,compression=gzip,compression-level=-1");

    ASSERT_THAT(spec, Succeeds());
    EXPECT_EQ(spec->type, OutputType::oci);
    EXPECT_EQ(spec->destination, "a.tar");
    EXPECT_EQ(spec->name, "app:1");
    EXPECT_EQ(spec->compression, "gzip");
    EXPECT_EQ(spec->compression_level, -1);
}

TEST(OutputSpec, TakesAPathAloneForADirectory) {
    EXPECT_EQ(OutputSpec::parse("out")->type, OutputType::directory);
    EXPECT_EQ(OutputSpec::parse("-")->type, OutputType::tar);
}

TEST(OutputSpec, RefusesByName) {
    EXPECT_THAT(OutputSpec::parse("type=cacheonly"), FailsSaying(Code::unsupported, "cacheonly"));
    EXPECT_THAT(
        OutputSpec::parse("type=oci,dest=x,rewrite-timestamp=true"),
        FailsSaying(Code::unsupported, "rewrite-timestamp")
    );
    EXPECT_THAT(OutputSpec::parse("type=oci,dest=x,compression=xz"), FailsWith(Code::unsupported));
    EXPECT_THAT(OutputSpec::parse("type=oci"), FailsSaying(Code::invalid_input, "needs dest"));
    EXPECT_THAT(OutputSpec::parse("type=store,dest=x"), FailsWith(Code::invalid_input));
    EXPECT_THAT(OutputSpec::parse("type=dir,dest=-"), FailsWith(Code::invalid_input));
    EXPECT_THAT(
        OutputSpec::parse("type=oci,dest=x,compression-level=9x"), FailsWith(Code::invalid_input)
    );
    EXPECT_THAT(OutputSpec::parse(""), FailsWith(Code::invalid_input));
}

TEST(BuildContextSpec, ReadsEveryKind) {
    using Kind = BuildContextSpec::Kind;

    const auto conda = BuildContextSpec::parse(
        "env=conda:a/env.lock,prefix=/opt/x,environment=gpu,category=main,category=dev"
    );
    ASSERT_THAT(conda, Succeeds());
    EXPECT_EQ(conda->kind, Kind::conda);
    EXPECT_EQ(conda->name, "env");
    EXPECT_EQ(conda->value, "a/env.lock");
    EXPECT_EQ(conda->prefix, "/opt/x");
    EXPECT_EQ(conda->environment, "gpu");
    EXPECT_THAT(conda->categories, ElementsAre("main", "dev"));
    EXPECT_EQ(BuildContextSpec::parse("env=conda:l")->prefix, "/opt/env");
    EXPECT_EQ(BuildContextSpec::parse("b=docker-image://debian:12")->value, "debian:12");
    EXPECT_EQ(BuildContextSpec::parse("s=target:build")->kind, Kind::stage);
    EXPECT_EQ(BuildContextSpec::parse("lib=../lib=2")->value, "../lib=2");
    EXPECT_EQ(BuildContextSpec::parse("r=https://h/r.git#v1")->value, "https://h/r.git#v1");
}

TEST(BuildContextSpec, RefusesByName) {
    EXPECT_THAT(
        BuildContextSpec::parse("x=oci-layout://d"), FailsSaying(Code::unsupported, "oci-layout")
    );
    EXPECT_THAT(BuildContextSpec::parse("nothing"), FailsWith(Code::invalid_input));
    EXPECT_THAT(BuildContextSpec::parse("x=conda:"), FailsWith(Code::invalid_input));
    EXPECT_THAT(BuildContextSpec::parse("x=conda:l,prefix=rel"), FailsWith(Code::invalid_input));
    EXPECT_THAT(BuildContextSpec::parse("x=conda:l,python=3"), FailsWith(Code::invalid_input));
    EXPECT_THAT(BuildContextSpec::parse("x=conda:l,environment="), FailsWith(Code::invalid_input));
}

TEST(Pairs, TakeTheLastOfAKeyAndTheEnvironmentWhereAllowed) {
    const Environment environment(Environment::Variables{{"HOME", "/root"}});

    const auto arguments = parse_pairs(
        {"A=1", "A=2=3", "HOME", "UNSET"}, "--build-arg", BareKeys::from_environment, environment
    );

    ASSERT_THAT(arguments, Succeeds());
    EXPECT_THAT(*arguments, ElementsAre(Pair("A", "2=3"), Pair("HOME", "/root")));
    EXPECT_THAT(
        parse_pairs({"A"}, "--label", BareKeys::refuse, environment),
        FailsSaying(Code::invalid_input, "--label A")
    );
    EXPECT_THAT(
        parse_pairs({"=x"}, "--label", BareKeys::refuse, environment),
        FailsWith(Code::invalid_input)
    );
}

TEST(Sizes, AreBytesWithASuffix) {
    EXPECT_EQ(parse_size("512").value(), 512U);
    EXPECT_EQ(parse_size("1.5k").value(), 1536U);
    EXPECT_EQ(parse_size("10GiB").value(), 10ULL << 30U);
    for (const char* text : {"", "G", "-1", "1.2.3", "1 G", "1x", "9999999999999", "1.2345k"}) {
        EXPECT_THAT(parse_size(text), FailsWith(Code::invalid_input)) << text;
    }
    EXPECT_EQ(parse_age("1.5h").value(), 5400U);
    EXPECT_EQ(parse_age("7d").value(), 7U * 24 * 3600);
    EXPECT_THAT(parse_age("7"), FailsWith(Code::invalid_input));
}

}  // namespace
}  // namespace kiln::client
