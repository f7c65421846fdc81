#include "daemon/environments/inputs.hpp"

#include "daemon/environments/request.hpp"
#include "store/hasher.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace kiln::daemon {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::FailsWith;
using testing::golden_input;
using testing::Succeeds;

std::string a_text() {
    return *rc::gen::string<std::string>();
}

Descriptor a_manifest() {
    return {"application/json", digest_of(a_text()), *rc::gen::inRange<std::uint64_t>(1, 1 << 20)};
}

/// Text that JSON can carry.
NamedText a_file() {
    const auto letters = rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '~'));
    return {*letters, *letters};
}

RC_GTEST_PROP(EnvironmentInputs, AreReadAsTheyWereWritten, ()) {
    EnvironmentInputs inputs;
    inputs.definition = a_file();
    if (*rc::gen::arbitrary<bool>()) {
        inputs.base = PinnedImage{"debian:12", a_manifest()};
    }
    if (*rc::gen::arbitrary<bool>()) {
        DockerInputs docker{a_file(), std::nullopt, digest_of(a_text()), {}};
        if (*rc::gen::arbitrary<bool>()) {
            docker.ignore = a_file();
        }
        docker.images.emplace("debian:12", a_manifest());
        inputs.docker = std::move(docker);
    }
    if (*rc::gen::arbitrary<bool>()) {
        inputs.conda = a_file();
    }
    inputs.default_channels = {"conda-forge"};

    const auto read = EnvironmentInputs::parse(inputs.render());

    RC_ASSERT(read.has_value());
    RC_ASSERT(read->render() == inputs.render());
    RC_ASSERT(read->base == inputs.base);
}

TEST(EnvironmentInputs, ThatAreNotWholeAreCorrupt) {
    EXPECT_THAT(EnvironmentInputs::parse("{}"), FailsWith(Code::corrupt));
    EXPECT_THAT(EnvironmentInputs::parse("nothing"), FailsWith(Code::corrupt));
}

TEST(EnvironmentRequest, IsReadAsTheClientWritesIt) {
    const auto value = json::parse(golden_input("wire/environment_request.json"), "the request");

    const auto request = EnvironmentRequest::parse(*value);

    ASSERT_THAT(request, Succeeds());
    EXPECT_EQ(request->workspace, "default");
    EXPECT_EQ(request->conda_file->name, "conda.yml");
    EXPECT_FALSE(request->lock);
    EXPECT_TRUE(request->context);
}

TEST(EnvironmentRequest, NamesWhatIsMissing) {
    EXPECT_THAT(
        EnvironmentRequest::parse(json::Object{}),
        FailsSaying(Code::invalid_input, "\"definition\" is missing")
    );
    const json::Object unknown{{"what", 1}};
    EXPECT_THAT(EnvironmentRequest::parse(unknown), FailsSaying(Code::invalid_input, "what"));
}

TEST(EnvironmentRequest, LacksTheFilesThatTheDefinitionNames) {
    const std::string text = "name: a\nbuild: {path: docker}\nconda_file: conda.yml\n";
    const auto definition = parse_definition(text, "env.yml");
    ASSERT_THAT(definition, Succeeds());
    EnvironmentRequest request;
    const auto paths = [&] {
        std::vector<std::string> named;
        for (const NamedFile& file : files_lacking(request, *definition)) {
            named.push_back(file.path.text);
        }
        return named;
    };

    EXPECT_THAT(paths(), ElementsAre("conda.yml", "docker", "Dockerfile"));
    request.context = digest_of("listing");
    EXPECT_THAT(paths(), ElementsAre("conda.yml", "Dockerfile"));
}

}  // namespace
}  // namespace kiln::daemon
