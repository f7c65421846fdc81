#include "client/conda/pip_files.hpp"

#include "store/base/file.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kiln::client {
namespace {

using ::kiln::testing::FailsWith;
using ::kiln::testing::Succeeds;
using ::kiln::testing::TempDirectory;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A directory with a specification, a file of requirements and wheels.
struct Project {
    TempDirectory directory;
    std::string root = directory.path();

    Project() {
        std::filesystem::create_directories(root + "/more/wheels");
        write("more/base.txt", "-f wheels\n");
        write("more/wheels/a-1-py3-none-any.whl", "a");
        write("more/wheels/notes.txt", "no");
        write("secret.txt", "no");
    }

    void write(const std::string& path, const std::string& text) const {
        std::ofstream(root + "/" + path) << text;
    }

    [[nodiscard]] PipFiles files() const {
        return {
            root + "/environment.yml",
            "dependencies:\n  - pip:\n    - -r more/base.txt\n    - -c gone.txt\n"};
    }
};

TEST(PipFiles, AreWhatTheSpecificationNamesAndWhatThatNames) {
    const Project project;
    PipFiles files = project.files();

    const auto base = files.find("more/base.txt");
    const auto wheels = files.find("more/wheels");

    ASSERT_THAT(base, Succeeds());
    ASSERT_THAT(wheels, Succeeds());
    EXPECT_TRUE(wheels->path->directory);
    ASSERT_THAT(wheels->files, SizeIs(1));
    EXPECT_EQ(wheels->files.front().as_written, "a-1-py3-none-any.whl");
    EXPECT_EQ(files.urls().count(wheels->path->url + "/a-1-py3-none-any.whl"), 1U);
}

TEST(PipFiles, NothingElseIsOpenedForWhoeverAsks) {
    const Project project;
    PipFiles files = project.files();

    for (const char* asked :
         {"secret.txt",
          "more/wheels",
          "/etc/passwd",
          "",
          "more",
          "base.txt",
          "more/base.txt/../../secret.txt"}) {
        EXPECT_THAT(files.find(asked), FailsWith(Code::permission)) << asked;
    }
}

TEST(PipFiles, WhatIsNotThereIsTold) {
    const Project project;

    const auto found = project.files().find("gone.txt");

    ASSERT_THAT(found, Succeeds());
    EXPECT_THAT(found->path, Eq(std::nullopt));
    EXPECT_THAT(found->files, IsEmpty());
}

}  // namespace
}  // namespace kiln::client
