#include "layers/conda/pip/install.hpp"

#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::ElementsAre;
using ::testing::Eq;

PipEntry entry(std::string name, std::string location) {
    PipEntry entry;
    entry.name = std::move(name);
    entry.version = "1.0";
    entry.location = std::move(location);
    entry.sha256 = std::string(64, 'a');
    entry.span = Span{"env.lock", 3, 1, 1};
    return entry;
}

Lock lock_of(std::vector<PipEntry> entries) {
    Lock lock;
    lock.pip = std::move(entries);
    return lock;
}

TEST(PipInstall, FilesAreFetchedOrSentLikeThoseOfConda) {
    const auto files = pip_files(lock_of(
        {entry("Words", "https://h/words-1.0-py3-none-any.whl#sha256=aa"),
         entry("greet", "file:///srv/greet-1.0.tar.gz"),
         entry("near", "direct+./near-1.0-py3-none-any.whl")}
    ));

    ASSERT_THAT(files, Succeeds());
    EXPECT_EQ(files->at(0).kind, LockEntryKind::url);
    EXPECT_EQ(files->at(0).as_written, "https://h/words-1.0-py3-none-any.whl");
    EXPECT_EQ(files->at(1).kind, LockEntryKind::file);
    EXPECT_EQ(files->at(1).file_name, "greet-1.0.tar.gz");
    EXPECT_EQ(files->at(2).as_written, "./near-1.0-py3-none-any.whl");
}

TEST(PipInstall, TheOrderOfALockPlaysNoPart) {
    const PipEntry one = entry("one", "https://h/one-1.0-py3-none-any.whl");
    const PipEntry two = entry("Two", "https://h/Two-1.0-py3-none-any.whl");
    const PipEntry built = entry("built", "https://h/built-1.0.tar.gz");
    const auto first = plan_pip_install(lock_of({two, built, one}), "/opt/env").value();
    const auto second = plan_pip_install(lock_of({one, two, built}), "/opt/env").value();
    const auto texts = [](const PipRun& run) {
        std::vector<std::pair<std::string, std::string>> found;
        for (const PipFile& file : run.files) {
            found.emplace_back(file.path, file.text);
        }
        std::sort(found.begin(), found.end());
        return found;
    };

    ASSERT_TRUE(first && second);
    EXPECT_EQ(texts(*first), texts(*second));
    EXPECT_THAT(first->arguments, ElementsAre("/opt/env/bin/python", "/.kiln-pip/install.py"));
    const auto requirements =
        std::find_if(first->files.begin(), first->files.end(), [](auto& file) {
            return file.path == ".kiln-pip/requirements.txt";
        });
    EXPECT_EQ(
        requirements->text,
        "one==1.0 --hash=sha256:" + std::string(64, 'a')
            + "\ntwo==1.0 --hash=sha256:" + std::string(64, 'a') + "\n"
    );
    EXPECT_THAT(plan_pip_install(Lock{}, "/opt/env").value(), Eq(std::nullopt));
}

TEST(PipInstall, WhatNoHashPinsIsRefusedAtItsPlace) {
    PipEntry unhashed = entry("a", "https://h/a-1.0.zip");
    unhashed.sha256.reset();
    PipEntry editable = entry("a", "./a");
    editable.is_editable = true;
    const std::vector<std::pair<PipEntry, const char*>> entries = {
        {unhashed, "a of pip has no sha256"},
        {editable, "may change (editable)"},
        {entry("a", "git+https://h/a@main"), "which no hash pins"},
        {entry("a", "./a"), "neither a wheel nor an archive"},
        {entry("a", "s3://h/a-1.0.zip"), "is at s3://h"},
        {entry("a", "https://h/b-1.0-py3-none-any.whl"), "is no wheel of a"}};
    for (const auto& [each, said] : entries) {
        const auto files = pip_files(lock_of({each}));
        ASSERT_FALSE(files.has_value()) << said;
        EXPECT_THAT(files.error().message, ::testing::HasSubstr(said));
        EXPECT_EQ(files.error().where->line, 3U);
    }
    EXPECT_THAT(
        pip_files(lock_of({entry("a-b", "https://h/a_b-1.0.zip"), entry("A_b", "https://h/x-1.zip")}
        )),
        FailsSaying(Code::invalid_input, "locked twice")
    );
}

}  // namespace
}  // namespace kiln::conda
