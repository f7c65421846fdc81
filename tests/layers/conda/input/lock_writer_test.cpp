#include "layers/conda/input/lock_writer.hpp"

#include "layers/conda/input/input.hpp"
#include "tests/support/matchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

using ::kiln::testing::FailsSaying;
using ::kiln::testing::Succeeds;
using ::testing::HasSubstr;
using ::testing::Not;

LockEntry package(const std::string& name, std::vector<std::string> depends = {}) {
    const std::string dist = name + "-1.0-h0_1";
    LockEntry entry =
        parse_lock_location("https://conda.example/forge/linux-64/" + dist + ".conda").value();
    entry.sha256 = std::string(64, 'a');
    entry.md5 = std::string(32, 'b');
    entry.record = {
        .name = name,
        .version = "1.0",
        .build = "h0_1",
        .build_number = 1,
        .subdir = "linux-64",
        .depends = std::move(depends)};
    return entry;
}

Lock sample_lock();

Lock without_pip() {
    Lock lock = sample_lock();
    lock.pip.clear();
    return lock;
}

Lock sample_lock() {
    Lock lock;
    lock.platform = "linux-64";
    lock.inputs = {
        .channels = {"https://me:pw@conda.example/t/tk-1/forge"},
        .channel_priority = "strict",
        .virtual_packages = {"__glibc 2.36 0"},
        .specifications = {"python 3.11.*", "numpy"},
        .pip = {"flask"}};
    lock.entries = {
        package("python", {"zlib >=1", "zlib <2", "pip"}),
        package("zlib"),
        package("pip", {"python"})};
    lock.entries[0].as_written =
        "https://me:pw@conda.example/t/tk-1/forge/linux-64/python-1.0-h0_1.conda";
    lock.entries[0].location = lock.entries[0].as_written;
    lock.pip = {
        {.name = "flask",
         .version = "2.0",
         .location = "https://pypi.example/flask-2.0-py3-none-any.whl",
         .sha256 = std::string(64, 'c')}};
    return lock;
}

TEST(LockWriter, OurOwnFormIsReadAgain) {
    const std::string text = render_kiln_lock(sample_lock());

    const auto again = parse_kiln_lock(text, "env.lock");

    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(render_kiln_lock(*again), text);
    EXPECT_EQ(again->platform, "linux-64");
    EXPECT_EQ(again->inputs.specifications, sample_lock().inputs.specifications);
    ASSERT_EQ(again->entries.size(), 3U);
    EXPECT_EQ(again->entries[1].record, sample_lock().entries[0].record);
    EXPECT_EQ(again->pip.at(0).sha256, std::string(64, 'c'));
}

TEST(LockWriter, OurOwnFormTellsChannelsAskedForFromThoseUsed) {
    Lock lock = sample_lock();
    EXPECT_THAT(render_kiln_lock(lock), Not(HasSubstr("channel_order")));
    lock.inputs.channel_order = {
        "https://conda.example/base", "https://me:pw@conda.example/t/tk-1/forge"};

    const std::string text = render_kiln_lock(lock);
    const auto again = parse_kiln_lock(text, "env.lock");

    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(render_kiln_lock(*again), text);
    EXPECT_THAT(again->inputs.channels, ::testing::ElementsAre("https://conda.example/forge"));
    EXPECT_THAT(
        again->inputs.channel_order,
        ::testing::ElementsAre("https://conda.example/base", "https://conda.example/forge")
    );
    // cep-42: what other tools read names the channels asked for, and no more.
    EXPECT_THAT(render_conda_lock(lock).value(), Not(HasSubstr("conda.example/base")));
}

TEST(LockWriter, NoFormHoldsCredentials) {
    for (const std::string& text :
         {render_kiln_lock(sample_lock()),
          render_explicit_lock(without_pip()).value(),
          render_conda_lock(sample_lock()).value()}) {
        EXPECT_THAT(text, Not(HasSubstr("pw")));
        EXPECT_THAT(text, Not(HasSubstr("tk-1")));
        EXPECT_THAT(text, HasSubstr("https://conda.example/forge/linux-64/python-1.0-h0_1.conda"));
    }
}

TEST(LockWriter, AnExplicitListHasDependenciesFirst) {
    const auto text = render_explicit_lock(without_pip());

    ASSERT_THAT(text, Succeeds());
    const auto lock = parse_lock(*text, "env.lock");
    ASSERT_THAT(lock, Succeeds());
    ASSERT_EQ(lock->entries.size(), 3U);
    EXPECT_EQ(lock->entries[0].file_name, "zlib-1.0-h0_1.conda");
    EXPECT_EQ(lock->platform, "linux-64");
}

TEST(LockWriter, AnExplicitListHasNoPlaceForPackagesOfPip) {
    EXPECT_THAT(
        render_explicit_lock(sample_lock()),
        FailsSaying(Code::unsupported, "packages of pip (flask")
    );
}

TEST(LockWriter, ACondaLockIsReadAgain) {
    const auto text = render_conda_lock(sample_lock());

    ASSERT_THAT(text, Succeeds());
    const auto lock = read_conda_lock(*text, "conda-lock.yml");
    ASSERT_THAT(lock, Succeeds());
    ASSERT_EQ(lock->entries.size(), 3U);
    EXPECT_EQ(lock->entries[1].record.name, "python");
    EXPECT_THAT(lock->entries[1].record.depends, ::testing::ElementsAre("pip", "zlib >=1,<2"));
    EXPECT_EQ(lock->pip.at(0).name, "flask");
}

TEST(LockWriter, ALockOfAnotherCategoryIsReadAsItWasWritten) {
    Lock lock = sample_lock();
    lock.inputs.category = "dev";
    const auto text = render_conda_lock(lock);
    ASSERT_THAT(text, Succeeds());
    EXPECT_THAT(*text, HasSubstr("category: \"dev\"\n  optional: true"));
    const auto read = read_conda_lock(*text, "conda-lock.yml", {.platform = "linux-64"});
    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(read->entries.size(), lock.entries.size());
}

TEST(LockWriter, RefusesAPackageThatCouldBeAnything) {
    Lock lock = without_pip();
    lock.entries[1].sha256.reset();
    lock.entries[1].md5.reset();

    EXPECT_THAT(render_explicit_lock(lock), FailsSaying(Code::invalid_input, "neither sha256 nor"));
    EXPECT_THAT(render_conda_lock(lock), FailsSaying(Code::invalid_input, "zlib-1.0-h0_1.conda"));
    lock.platform.reset();
    EXPECT_THAT(render_conda_lock(lock), FailsSaying(Code::invalid_input, "platform"));
}

TEST(LockWriter, ReadsNoLockOfAnotherVersion) {
    EXPECT_THAT(
        parse_kiln_lock(R"({"kiln_lock": 2, "platform": "linux-64"})", "env.lock"),
        FailsSaying(Code::unsupported, "version 2")
    );
    EXPECT_THAT(
        parse_kiln_lock(R"({"kiln_lock": 1, "platform": "a\nb"})", "env.lock"),
        FailsSaying(Code::invalid_input, "is no platform")
    );
    EXPECT_THAT(
        parse_kiln_lock(R"({"kiln_lock": 1, "platform": "", "more": 1})", "env.lock"),
        FailsSaying(Code::invalid_input, "more")
    );
}

RC_GTEST_PROP(LockWriter, TheOrderOfRecordsNeverShows, ()) {
    Lock lock;
    lock.platform = "linux-64";
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
        if (*rc::gen::arbitrary<bool>()) {
            continue;
        }
        const auto depends = *rc::gen::container<std::vector<std::string>>(
            rc::gen::element<std::string>("a", "b >=1", "c", "x")
        );
        lock.entries.push_back(package(name, depends));
    }
    Lock shuffled = lock;
    std::reverse(shuffled.entries.begin(), shuffled.entries.end());
    std::rotate(
        shuffled.entries.begin(),
        shuffled.entries.begin() + static_cast<std::ptrdiff_t>(shuffled.entries.size() / 2),
        shuffled.entries.end()
    );

    RC_ASSERT(render_kiln_lock(shuffled) == render_kiln_lock(lock));
    RC_ASSERT(render_explicit_lock(shuffled).value() == render_explicit_lock(lock).value());
    RC_ASSERT(render_conda_lock(shuffled).value() == render_conda_lock(lock).value());
}

}  // namespace
}  // namespace kiln::conda
