#include "client/context/web_archive.hpp"

#include "tests/support/matchers.hpp"

#include <gtest/gtest.h>

namespace kiln::client {
namespace {

using testing::FailsSaying;

TEST(WebArchive, IsToldFromARepositoryByItsUrl) {
    for (const char* context :
         {"https://files.example/context.tar.gz",
          "http://127.0.0.1:8080/context?version=2",
          "https://user:secret@files.example/a.tar#x"}) {
        EXPECT_TRUE(WebArchive::names_one(context)) << context;
    }
    for (const char* context :
         {".",
          "context.tar.gz",
          "https://git.example/app.git",
          "https://git.example/app.git#v1:src",
          "ftp://files.example/context.tar"}) {
        EXPECT_FALSE(WebArchive::names_one(context)) << context;
    }
}

TEST(WebArchive, IsShownWithoutWhatMayBeSecret) {
    EXPECT_EQ(shown_url("https://user:pass@host/a.tar?token=x#y"), "https://host/a.tar#y");
    EXPECT_EQ(shown_url("https://user:p@ss@host:8443/a@b"), "https://host:8443/a@b");
    EXPECT_EQ(shown_url("http://host"), "http://host");
    EXPECT_EQ(shown_url("https://me:p@host/a.git#main?:src"), "https://host/a.git#main?:src");
    EXPECT_EQ(shown_url("https://host?token=a/b"), "https://host");
    EXPECT_EQ(shown_url("git@host:team/app"), "git@host:team/app");
}

TEST(WebArchive, RefusesWhatWouldBeMoreThanAUrlInSettingsOfCurl) {
    for (const char* url :
         {"https://host/a\"\noutput = \"/etc/passwd",
          "https://host/a b",
          "https://host/a\\",
          "file:///etc/passwd"}) {
        EXPECT_THAT(WebArchive::open(url, {}), FailsSaying(Code::invalid_input, "no URL")) << url;
    }
}

}  // namespace
}  // namespace kiln::client
