#include "client/context/git_checkout.hpp"

#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

namespace kiln::client {
namespace {

using testing::FailsWith;
using testing::Succeeds;

TEST(GitSource, IsToldFromADirectoryByItsUrl) {
    for (const char* context :
         {"https://git.example/team/app.git",
          "http://127.0.0.1:8080/app.git#main:src",
          "git://git.example/app",
          "git@git.example:team/app.git",
          "ssh://git@git.example/team/app",
          "github.com/team/app"}) {
        EXPECT_TRUE(GitSource::names_one(context)) << context;
    }
    for (const char* context :
         {".", "app.git", "/srv/app.git", "https://example/app.tar.gz", "-"}) {
        EXPECT_FALSE(GitSource::names_one(context)) << context;
    }
}

TEST(GitSource, HasAReferenceAndADirectory) {
    const auto whole = GitSource::parse("https://git.example/app.git#v1.2:docker/app");
    const auto tag = GitSource::parse("git://git.example/app.git#v1.2");
    const auto directory = GitSource::parse("git://git.example/app.git#:docker");
    const auto hub = GitSource::parse("github.com/team/app");

    ASSERT_THAT(whole, Succeeds());
    EXPECT_EQ(whole->url, "https://git.example/app.git");
    EXPECT_EQ(whole->ref, "v1.2");
    EXPECT_EQ(whole->directory, "docker/app");
    EXPECT_EQ(tag.value().ref, "v1.2");
    EXPECT_EQ(tag.value().directory, "");
    EXPECT_EQ(directory.value().ref, "");
    EXPECT_EQ(directory.value().directory, "docker");
    EXPECT_EQ(hub.value().url, "https://github.com/team/app");
}

TEST(GitSource, RefusesAReferenceThatWouldBeAnOption) {
    EXPECT_THAT(
        GitSource::parse("git://git.example/app#--upload-pack=sh"), FailsWith(Code::invalid_input)
    );
    EXPECT_THAT(GitSource::parse("git://git.example/app#a b"), FailsWith(Code::invalid_input));
}

}  // namespace
}  // namespace kiln::client
