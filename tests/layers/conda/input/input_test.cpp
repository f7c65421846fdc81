#include "layers/conda/input/input.hpp"

#include "layers/conda/input/requirements.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(CondaInput, IsToldByItsContentWhateverItsName) {
    const auto format = [](const char* text, const char* file = "env") {
        return detect_input_format(text, file).value();
    };

    EXPECT_EQ(format("# c\n@EXPLICIT\na-1-0.conda\n", "x.yml"), InputFormat::explicit_list);
    EXPECT_EQ(format("numpy\nscipy >=1\n"), InputFormat::requirements);
    EXPECT_EQ(format("python=3.9: \n"), InputFormat::requirements);
    EXPECT_EQ(format("name: a\ndependencies: [b]\n"), InputFormat::environment_yaml);
    EXPECT_EQ(format("---\ndependencies: [b]\n"), InputFormat::environment_yaml);
    EXPECT_EQ(format("{\"dependencies\": [\"b\"]}\n"), InputFormat::environment_yaml);
    EXPECT_EQ(format("version: 1\nmetadata: {}\npackage: []\n"), InputFormat::conda_lock);
    EXPECT_EQ(format("version: 6\nenvironments: {}\npackages: []\n"), InputFormat::pixi_lock);
    EXPECT_EQ(format("{\n  \"kiln_lock\": 1}\n"), InputFormat::kiln_lock);
    EXPECT_EQ(format("\xEF\xBB\xBF@EXPLICIT\na-1-0.conda\n"), InputFormat::explicit_list);
}

TEST(CondaInput, MayBeginWithAByteOrderMark) {
    const auto list = read_conda_input("\xEF\xBB\xBFnumpy\nscipy\n", "specs.txt", {});

    ASSERT_THAT(list, Succeeds());
    const auto& specifications = std::get<Specification>(*list).specifications;
    ASSERT_THAT(specifications, SizeIs(2));
    EXPECT_EQ(specifications[0].text, "numpy");
}

TEST(CondaInput, SaysWhatItLooksLikeWhereItIsNotRead) {
    EXPECT_THAT(
        detect_input_format("[workspace]\nname = 'x'\n", "pixi.toml"),
        FailsSaying(Code::unsupported, "TOML")
    );
    EXPECT_THAT(
        detect_input_format("package:\n  name: x\nbuild: {}\n", "meta.yaml"),
        FailsSaying(Code::unsupported, "a recipe")
    );
    EXPECT_THAT(
        detect_input_format("- a\n- b\n", "x.yml"), FailsSaying(Code::invalid_input, "a list")
    );
    const auto link = detect_input_format("conda-lock-3.14.yaml", "conda-lock.yml");
    ASSERT_THAT(link, FailsWith(Code::invalid_input));
    EXPECT_THAT(link.error().hint, HasSubstr("symbolic link"));
    EXPECT_THAT(detect_input_format("", "x.yml"), FailsSaying(Code::invalid_input, "empty"));
}

TEST(CondaInput, AnEnvironmentIsNoLock) {
    const auto lock = read_conda_lock("dependencies: [a]\n", "environment.yml");

    ASSERT_THAT(lock, FailsSaying(Code::invalid_input, "is not a lock file"));
    EXPECT_THAT(lock.error().hint, HasSubstr("lock it first"));
}

TEST(Requirements, NamesOneSpecificationALine) {
    const auto read = parse_requirements(
        "# platform: linux-64\n\npython\n  scipy=1.13.1  # pinned\r\ntk[build=h5083fa2_1]\n"
        "https://c.example/linux-64/a-1-0.conda#sha256:00\nhttps://c.example/forge::b\n",
        "r.txt"
    );

    ASSERT_THAT(read, Succeeds());
    ASSERT_THAT(read->specifications, SizeIs(5));
    EXPECT_EQ(read->specifications[1].text, "scipy=1.13.1");
    EXPECT_EQ(read->specifications[1].span, (Span{"r.txt", 4, 3, 15}));
    EXPECT_EQ(read->specifications[3].text, "https://c.example/linux-64/a-1-0.conda#sha256:00");
    EXPECT_THAT(read->platforms, ElementsAre("linux-64"));
}

TEST(Requirements, RefusesWhatCondaDoesNotResolve) {
    const auto pip = parse_requirements("six\n-r other.txt\n", "r.txt");
    ASSERT_THAT(pip, FailsSaying(Code::invalid_input, "is for pip"));
    EXPECT_EQ(pip.error().where, (Span{"r.txt", 2, 1, 13}));

    const auto url = parse_requirements("http://me:secret@c.example/pkg\n", "r.txt");
    ASSERT_THAT(url, FailsSaying(Code::invalid_input, "http://c.example/pkg is neither"));
    EXPECT_THAT(url.error().hint, HasSubstr("@EXPLICIT"));
    EXPECT_THAT(parse_requirements("# only\n", "r.txt"), FailsSaying(Code::invalid_input, "empty"));
    EXPECT_THAT(parse_requirements("\xff\n", "r.txt"), FailsSaying(Code::invalid_input, "UTF-8"));
    EXPECT_THAT(parse_requirements(std::string(10'000, 'a'), "r.txt"), FailsWith(Code::too_large));
}

}  // namespace
}  // namespace kiln::conda
