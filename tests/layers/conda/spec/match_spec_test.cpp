#include "layers/conda/spec/match_spec.hpp"

#include "tests/support/matchers.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::Succeeds;

MatchSpec spec(std::string_view text, SpecForm form = SpecForm::user) {
    auto parsed = MatchSpec::parse(text, form);
    EXPECT_THAT(parsed, Succeeds()) << text;
    return parsed ? *parsed : MatchSpec();
}

PackageRecord numpy() {
    return {
        .name = "numpy",
        .version = *Version::parse("1.26.4"),
        .build = "py311h64a7726_0",
        .build_number = 7,
        .track_features = {"mkl", "nomkl"},
        .features = "old",
        .subdir = "linux-64",
        .noarch = Noarch::python,
        .sha256 = *Digest::parse_hex(std::string(64, 'a')),
        .md5 = parse_md5(std::string(32, 'b')),
        .size_bytes = 1000,
        .timestamp_ms = 1'700'000'000'000,
        .license = "BSD-3-Clause",
        .license_family = "BSD",
        .file_name = "numpy-1.26.4-py311h64a7726_0.conda",
        .url = "https://localhost/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda",
        .channel = "https://localhost/conda-forge",
        .channel_name = "conda-forge",
        .flags = {"cuda", "blas:mkl"},
    };
}

bool matches(std::string_view text) {
    return spec(text).matches(numpy());
}

TEST(MatchSpec, KnowsTheSubdirs) {
    EXPECT_TRUE(is_known_subdir("noarch"));
    EXPECT_TRUE(is_known_subdir("linux-64"));
    EXPECT_FALSE(is_known_subdir("linux"));
    EXPECT_FALSE(is_known_subdir("linux-64/x"));
    EXPECT_FALSE(is_known_subdir("Linux-64"));
}

TEST(MatchSpec, SpellsFuzzyEqualityInTheWaysOfCep29) {
    for (const char* text :
         {"pkg=1.8",
          "pkg =1.8",
          "pkg 1.8.*",
          "pkg 1.8.* *",
          "pkg=1.8.*",
          "pkg=1.8.*=*",
          "pkg =1.8.* *",
          "pkg ==1.8.* *",
          "pkg[version=1.8.*]",
          R"(pkg[version="1.8.*"])"}) {
        EXPECT_EQ(spec(text), spec("pkg=1.8")) << text;
        EXPECT_EQ(spec(text).text(), "pkg=1.8") << text;
    }
}

TEST(MatchSpec, SpellsExactEqualityInTheWaysOfCep29) {
    for (const char* text :
         {"pkg 1.8",
          "pkg 1.8 *",
          "pkg==1.8",
          "pkg=1.8=*",
          "pkg==1.8=*",
          "pkg ==1.8 *",
          "pkg[version=1.8]",
          R"(pkg[version="1.8"])"}) {
        EXPECT_EQ(spec(text), spec("pkg==1.8")) << text;
        EXPECT_EQ(spec(text).text(), "pkg==1.8") << text;
    }
}

TEST(MatchSpec, SpellsBuildsInTheWaysOfCep29) {
    for (const char* text :
         {"pkg 1.8 b_0",
          "pkg ==1.8 b_0",
          "pkg=1.8=b_0",
          "pkg==1.8=b_0",
          "pkg[version=1.8,build=b_0]",
          "pkg 1.8=b_0",
          "pkg=1.8 B_0"}) {
        EXPECT_EQ(spec(text), spec("pkg 1.8 b_0")) << text;
        EXPECT_EQ(spec(text).text(), "pkg==1.8=b_0") << text;
    }
    EXPECT_EQ(spec("pkg =1.8 b_0"), spec("pkg[version=1.8.*,build=b_0]"));
    EXPECT_EQ(spec("pkg=1.8.*=b_0"), spec("pkg[version=1.8.*,build=b_0]"));
    EXPECT_EQ(spec("pkg=1.8.*=b_0").text(), "pkg=1.8[build=b_0]");
    EXPECT_EQ(spec("pkg=*=b*").text(), "pkg[build=b*]");
}

TEST(MatchSpec, RendersTheExamplesOfCep29) {
    EXPECT_EQ(spec("foo 1.0 py27_0").text(), "foo==1.0=py27_0");
    EXPECT_EQ(spec("foo=1.0=py27_0").text(), "foo==1.0=py27_0");
    EXPECT_EQ(spec("conda-forge::foo[version=1.0.*]").text(), "conda-forge::foo=1.0");
    EXPECT_EQ(
        spec("conda-forge/linux-64::foo>=1.0").text(), "conda-forge/linux-64::foo[version='>=1.0']"
    );
    EXPECT_EQ(spec("*/linux-64::foo>=1.0").text(), "foo[subdir=linux-64,version='>=1.0']");
    EXPECT_EQ(spec("python>=3,<4").text(), "python[version='>=3,<4']");
    EXPECT_EQ(spec("rust ~=1.2.3").text(), "rust[version='~=1.2.3']");
    const std::string md5 = "*[md5=12345678901234567890123456789012]";
    const std::string sha256 =
        "*[sha256=f453db4ffe2271ec492a2913af4e61d4a6c118201f07de757df0eff769b65d2e]";
    EXPECT_EQ(spec(md5).text(), md5);
    EXPECT_EQ(spec(sha256).text(), sha256);
    EXPECT_EQ(spec("*[version='*+*']").text(), "*[version=*+*]");
}

TEST(MatchSpec, MatchesNameVersionAndBuild) {
    for (const char* text :
         {"numpy",
          "NumPy",
          "*",
          "num*",
          "^n.*y$",
          "numpy 1.26.4",
          "numpy=1.26",
          "numpy>=1.9.3,<2.0a0",
          "numpy 1.26.4 py311h64a7726_0",
          "numpy 1.26.* py311*",
          "numpy[build='^py3\\d+h.*$']",
          "numpy 1.26.* *_0",
          "numpy >=1 *",
          "numpy[name=scipy]"}) {
        EXPECT_TRUE(matches(text)) << text;
    }
    for (const char* text :
         {"scipy",
          "nump",
          "^ump$",
          "numpy 1.26",
          "numpy=1.2",
          "numpy>=2",
          "numpy 1.26.4 py310*",
          "numpy 1.26.4 py311",
          "numpy=1.26=*",
          "*[build=x]"}) {
        EXPECT_FALSE(matches(text)) << text;
    }
}

TEST(MatchSpec, MatchesEveryFieldOfARecord) {
    const std::string a(64, 'a');
    const std::string b(32, 'B');
    for (const std::string& text : std::vector<std::string>{
             "numpy[build_number=7]",
             "numpy[build_number='>=6']",
             "numpy[build_number='!=6']",
             "numpy[build_number='==7']",
             "numpy[build_number='7*']",
             "numpy[channel=conda-forge]",
             "https://localhost/conda-forge::numpy",
             "https://localhost/conda-forge/::numpy",
             "*-forge::numpy",
             "numpy[subdir=linux-*]",
             "conda-forge/linux-64::numpy",
             "numpy[md5=" + b + "]",
             "numpy[sha256=" + a + "]",
             "numpy[sha256=aaa*]",
             "numpy[url='*/numpy-1.26.4-*']",
             "numpy[fn=numpy-1.26.4-py311h64a7726_0.conda]",
             "numpy[license=bsd*]",
             "numpy[license_family=BSD]",
             "numpy[track_features=mkl]",
             "numpy[track_features='mkl nomkl']",
             "numpy[features=old]",
             "numpy[size='<2000', timestamp='>0']",
             "numpy[noarch=python]",
             "numpy[flags=cuda]",
             R"(numpy[flags=["cuda", "blas:*"]])",
             "numpy[extras=nothing,when='scipy']",
         }) {
        EXPECT_TRUE(matches(text)) << text;
    }
    for (const std::string& text : std::vector<std::string>{
             "numpy[build_number=0]",
             "numpy[build_number='>7']",
             "numpy[build_number='<7']",
             "numpy[build_number='<=6']",
             "defaults::numpy",
             "https://localhost/other::numpy",
             "numpy[subdir=noarch]",
             "numpy[md5=" + std::string(32, 'c') + "]",
             "numpy[fn=x]",
             "numpy[license=MIT]",
             "numpy[track_features=other]",
             "numpy[noarch=generic]",
             "numpy[flags=[cuda, blas:openblas]]",
         }) {
        EXPECT_FALSE(matches(text)) << text;
    }
}

TEST(MatchSpec, MatchesNoFieldThatARecordLacks) {
    const PackageRecord bare{.name = "numpy"};

    for (const char* text :
         {"numpy[md5='b*']",
          "numpy[sha256='a*']",
          "numpy[size='>=0']",
          "numpy[timestamp='>=0']",
          "numpy[flags='*']",
          "numpy[track_features='m*']"}) {
        EXPECT_FALSE(spec(text).matches(bare)) << text;
    }
    EXPECT_TRUE(spec("numpy[build_number=0]").matches(bare));
    EXPECT_TRUE(spec("numpy[md5='*']").matches(bare));
}

TEST(MatchSpec, ReadsChannelSubdirAndNamespace) {
    const auto channel_of = [](std::string_view text) {
        const MatchSpec parsed = spec(text);
        const FieldPattern* channel = parsed.field(SpecField::channel);
        const FieldPattern* subdir = parsed.field(SpecField::subdir);
        return (channel == nullptr ? "-" : channel->text()) + " "
               + (subdir == nullptr ? "-" : subdir->text()) + " " + parsed.name().text();
    };
    EXPECT_EQ(channel_of("conda-forge::python"), "conda-forge - python");
    EXPECT_EQ(channel_of("conda-forge/noarch::python"), "conda-forge noarch python");
    EXPECT_EQ(channel_of("conda-forge/linux-64:space:python"), "conda-forge linux-64 python");
    EXPECT_EQ(channel_of("space:python 3.9"), "- - python");
    EXPECT_EQ(channel_of("pkgs/main::python"), "pkgs/main - python");
    EXPECT_EQ(
        channel_of("https://localhost:80/p/conda::python"), "https://localhost:80/p/conda - python"
    );
    EXPECT_EQ(channel_of("https://h/p/conda/linux-64::x"), "https://h/p/conda linux-64 x");
    EXPECT_EQ(channel_of("https://h/p:space:x=1"), "https://h/p - x");
    EXPECT_EQ(channel_of("./relative/channel::package"), "./relative/channel - package");
    EXPECT_EQ(channel_of("~/channel/dir::package"), "~/channel/dir - package");
    EXPECT_EQ(channel_of("*/linux-64::foo"), "- linux-64 foo");
    EXPECT_EQ(channel_of("a/b::^x(?::)y$"), "a/b - ^x(?::)y$");
    EXPECT_EQ(channel_of("x[channel=conda-forge/linux-64]"), "conda-forge linux-64 x");
    EXPECT_EQ(channel_of("x[channel='a/label/b c']"), "a/label/b c - x");
}

TEST(MatchSpec, LetsBracketsOverrideWhatStandsInFront) {
    EXPECT_EQ(
        spec("conda-forge/linux-32::python 3.8[subdir=linux-64,version=3.9,build=x]").text(),
        "conda-forge/linux-64::python==3.9=x"
    );
    EXPECT_EQ(
        spec("channel/win-64::foobar[subdir=linux-64, channel=conda-forge]").text(),
        "conda-forge/linux-64::foobar"
    );
    EXPECT_EQ(spec("a::b[channel='*']").text(), "b");
}

TEST(MatchSpec, ReadsQuotesAndLists) {
    EXPECT_EQ(spec(R"(a[license='it\'s'])").field(SpecField::license)->text(), "it's");
    EXPECT_EQ(spec(R"(a[license="it's, [x]=y"])").field(SpecField::license)->text(), "it's, [x]=y");
    EXPECT_EQ(spec(R"(a[version="^1\.2$"])").version().text(), R"(^1\.2$)");
    EXPECT_EQ(spec(R"(a[version="^1\\.2$"])").version().text(), R"(^1\.2$)");
    EXPECT_EQ(spec("a[version=1.* build=b]"), spec("a=1.*=b"));
    EXPECT_EQ(spec("a[ version = 1.* , build = b ]"), spec("a=1.*=b"));
    EXPECT_EQ(spec("a[version=>=1]"), spec("a>=1"));
    EXPECT_THAT(spec("a[extras=[ b , 'c' , \"a\", c]]").extras(), ElementsAre("a", "b", "c"));
    EXPECT_THAT(spec("a[extras=' b ']").extras(), ElementsAre("b"));
    EXPECT_EQ(spec("a[]").text(), "a");
}

TEST(MatchSpec, RendersAndReadsListsAndConditions) {
    for (const char* text :
         {"a[extras=b]",
          "a[extras=[b,c-d]]",
          "a[flags=blas:*]",
          "a[flags=['blas:*',cuda]]",
          "numpy[version='>=2',when=\"python[version='>=3.10']\"]",
          "a[when='b and (c or d)']",
          R"(a[license='"\'',when='b'])",
          "a[build_number='>=6',size='<10']",
          "a[when='b=1']",
          R"(a[when='b[license="x",url=\'y z\']'])"}) {
        EXPECT_EQ(spec(spec(text).text()), spec(text)) << text;
    }
    EXPECT_EQ(spec("a[flags=[cuda, blas:*, cuda]]").text(), "a[flags=['blas:*',cuda]]");
    EXPECT_EQ(
        spec("numpy>=2[when=\"python>=3.10\"]").text(),
        "numpy[version='>=2',when=\"python[version='>=3.10']\"]"
    );
}

TEST(MatchSpec, ReadsPackageFilesAndTheirUrls) {
    const MatchSpec url =
        spec("https://localhost/conda-forge/linux-64/py-rattler-0.6.1-py39h_0.conda");
    EXPECT_EQ(url.name().text(), "py-rattler");
    EXPECT_EQ(url.version().text(), "==0.6.1");
    EXPECT_EQ(url.build().text(), "py39h_0");
    EXPECT_EQ(
        url.field(SpecField::url)->text(),
        "https://localhost/conda-forge/linux-64/py-rattler-0.6.1-py39h_0.conda"
    );
    EXPECT_EQ(
        spec("/home/u/foo-1.0-py27_0.tar.bz2").field(SpecField::url)->text(),
        "file:///home/u/foo-1.0-py27_0.tar.bz2"
    );
    EXPECT_EQ(
        spec("./foo-1.0-py27_0.tar.bz2").field(SpecField::url)->text(), "./foo-1.0-py27_0.tar.bz2"
    );
    EXPECT_EQ(
        spec(R"(C:\u\foo-1.0-py27_0.tar.bz2)").field(SpecField::url)->text(),
        "file:///C:/u/foo-1.0-py27_0.tar.bz2"
    );
    EXPECT_THAT(MatchSpec::parse("/x/foo.conda"), FailsSaying(Code::invalid_input, "NAME-VERSION"));
    EXPECT_THAT(
        MatchSpec::parse("/x/foo-1-2.conda", SpecForm::depends), FailsWith(Code::invalid_input)
    );
}

TEST(MatchSpec, ReadsWhatRepodataSays) {
    const auto depends = [](std::string_view text) { return spec(text, SpecForm::depends); };
    EXPECT_EQ(depends("libgcc 14.1.0=*_1"), spec("libgcc[version='==14.1.0',build='*_1']"));
    EXPECT_EQ(depends("_openmp_mutex * *_llvm"), spec("_openmp_mutex[build='*_llvm']"));
    EXPECT_EQ(depends("python >=2.7|>=3.3"), spec("python[version='>=2.7|>=3.3']"));
    EXPECT_EQ(depends("zlib >=1.2.11,<1.3.0a0\r"), spec("zlib >=1.2.11,<1.3.0a0"));
    EXPECT_EQ(depends("blas *.* mkl"), spec("blas[build=mkl]"));
    EXPECT_EQ(depends("numpy >= 1.9 , < 2"), spec("numpy>=1.9,<2"));
    EXPECT_EQ(depends("x264 >=1!164.3095,<1!165"), spec("x264[version='>=1!164.3095,<1!165']"));
    EXPECT_EQ(depends("a (>=1|<0.5),!=2 b"), spec("a[version='(>=1|<0.5),!=2',build=b]"));
}

TEST(MatchSpec, LeavesOutAComment) {
    EXPECT_EQ(spec("numpy 1.8  # why"), spec("numpy 1.8"));
    EXPECT_EQ(spec("numpy[version='1.8'] # why"), spec("numpy 1.8"));
    EXPECT_EQ(spec("numpy # a [b]"), spec("numpy"));
    EXPECT_THAT(MatchSpec::parse("# only"), FailsSaying(Code::invalid_input, "name is missing"));
    EXPECT_THAT(MatchSpec::parse("numpy # no", SpecForm::depends), FailsWith(Code::invalid_input));
}

TEST(MatchSpec, RefusesWhatIsNone) {
    for (const char* text :
         {"",
          " ",
          "=1.8",
          "[version=1]",
          "a b c d",
          "a 1.8 <2",
          "a >=1.8 <2",
          "a,b",
          "a=",
          "a==",
          "a=1=",
          "a=>1",
          "a/b",
          "a\\b::c",
          "::a",
          "a::",
          "a:b/c:d",
          "a b[version=1",
          "a[version]",
          "a[=1]",
          "a[version=]",
          "a[version=1,]",
          "a[version=1]b",
          "a[version=1][build=2]",
          "a[md5=12]",
          "a[sha256=zz]",
          "a[build_number=x]",
          "a[when=b]",
          "a[when='']",
          "a[when='b and']",
          "a[when='b[when=\\'c\\']']",
          "a[extras=A]",
          "a[extras=[a b]]",
          "a[extras=[[a]]]",
          "a[flags='a b']",
          "a[flags='a:b:c']",
          "a[version=[1]]",
          "a[version='1']]",
          "a[build='x y']",
          "a 1 b-c",
          "a[version='1]",
          "a[version=1'2]",
          "a[channel='b::c']",
          "a\x01",
          "é",
          "a[subdir=x]  y",
          "a (optional=True)",
          "^a",
          "a@mkl"}) {
        EXPECT_THAT(MatchSpec::parse(text), FailsWith(Code::invalid_input)) << text;
    }
    EXPECT_THAT(MatchSpec::parse("a[colour=red]"), FailsSaying(Code::unsupported, "'colour'"));
    EXPECT_THAT(MatchSpec::parse("a[build=1,build=2]"), FailsSaying(Code::invalid_input, "twice"));
}

TEST(MatchSpec, NamesThePlaceOfWhatIsWrong) {
    const auto column = [](std::string_view text) {
        const auto parsed = MatchSpec::parse(text);
        return parsed ? 0U : parsed.error().where.value_or(Span{}).column;
    };
    EXPECT_EQ(column("numpy >=1,<2..0"), 14U);
    EXPECT_EQ(column("  nu$py"), 3U);
    EXPECT_EQ(column("a[version='>=1..']"), 16U);
    EXPECT_EQ(column("a[b=1]"), 3U);
    EXPECT_EQ(column("a[build=x,build=y]"), 11U);
    EXPECT_EQ(column("a 1.8 <2"), 7U);
    EXPECT_EQ(column("a[when='b and c=1..']"), 19U);
    EXPECT_EQ(column("a=1=b c"), 5U);
    EXPECT_THAT(MatchSpec::parse("a 1.8 <2").error().hint, HasSubstr("','"));
}

TEST(MatchSpec, IsBounded) {
    std::string many = "a[k0=1";
    for (std::size_t i = 1; i <= k_match_spec_fields; ++i) {
        many += ",k" + std::to_string(i) + "=1";
    }
    EXPECT_THAT(MatchSpec::parse(many + "]"), FailsWith(Code::too_large));
    EXPECT_THAT(
        MatchSpec::parse(std::string(k_match_spec_bytes + 1, 'a')), FailsWith(Code::too_large)
    );
    const std::string deep(k_condition_depth + 1, '(');
    EXPECT_THAT(
        Condition::parse(deep + "a" + std::string(deep.size(), ')')), FailsWith(Code::too_large)
    );
}

TEST(PackageRecord, ReadsTimesInSecondsAsMilliseconds) {
    EXPECT_EQ(timestamp_ms(1'500'000'000), 1'500'000'000'000);
    EXPECT_EQ(timestamp_ms(1'500'000'000'000), 1'500'000'000'000);
    EXPECT_EQ(timestamp_ms(253'402'300'798), 253'402'300'798'000);
    EXPECT_EQ(timestamp_ms(0), 0);
}

TEST(PackageRecord, ReadsMd5) {
    const std::string hex = "0123456789abcdef0123456789ABCDEF";

    EXPECT_EQ(render_md5(*parse_md5(hex)), "0123456789abcdef0123456789abcdef");
    EXPECT_FALSE(parse_md5("0123"));
    EXPECT_FALSE(parse_md5(std::string(32, 'g')));
}

}  // namespace
}  // namespace kiln::conda
