#include "store/environments.hpp"

#include "store/hasher.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/temp_directory.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace kiln::store {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::Succeeds;
using testing::TempDirectory;

EnvironmentDocument document(const std::string& text) {
    return {digest_of(text), text};
}

class EnvironmentsTest : public ::testing::Test {
  protected:
    EnvironmentsTest() {
        auto opened = Index::open(directory_.path("index"));
        EXPECT_THAT(opened, Succeeds());
        index_ = std::move(*opened);
    }

    [[nodiscard]] Environments environments() { return Environments(*index_); }

    /// "train:2" with a definition; without a version the next one.
    Result<AddedVersion> add(
        const std::string& name, const std::string& version, const std::string& definition
    ) {
        const EnvironmentDocument canonical = document(definition);
        const EnvironmentVersion added{
            .workspace = "default",
            .name = name,
            .version = version,
            .hash = canonical.digest,
            .inputs = canonical.digest,
            .origin = "custom",
            .notes = "{}",
            .created = 7};
        return environments().add(added, {canonical});
    }

    std::string version_of(const std::string& name, const std::string& definition) {
        const auto added = add(name, "", definition);
        EXPECT_THAT(added, Succeeds());
        return added->version.version + (added->is_new ? " new" : "");
    }

    TempDirectory directory_;
    std::unique_ptr<Index> index_;
};

TEST_F(EnvironmentsTest, VersionsCountUpAndTheSameDefinitionIsTheSameVersion) {
    EXPECT_EQ(version_of("train", "a"), "1 new");
    EXPECT_EQ(version_of("train", "a"), "1");
    EXPECT_EQ(version_of("train", "b"), "2 new");
    // One that was before is not the latest: it comes again.
    EXPECT_EQ(version_of("train", "a"), "3 new");
    EXPECT_EQ(version_of("serve", "a"), "1 new");
}

TEST_F(EnvironmentsTest, AVersionOfAnyNameIsKeptAndWholeNumbersGoOnBehindTheHighest) {
    ASSERT_THAT(add("train", "2024-06", "a"), Succeeds());
    ASSERT_THAT(add("train", "41", "b"), Succeeds());
    EXPECT_EQ(version_of("train", "c"), "42 new");
    const auto latest = environments().find("default", "train", "");
    ASSERT_THAT(latest, Succeeds());
    EXPECT_EQ((*latest)->version, "42");
}

TEST_F(EnvironmentsTest, AVersionNeverChanges) {
    ASSERT_THAT(add("train", "1", "a"), Succeeds());
    const auto again = add("train", "1", "a");
    ASSERT_THAT(again, Succeeds());
    EXPECT_FALSE(again->is_new);
    EXPECT_THAT(
        add("train", "1", "b"),
        FailsSaying(Code::conflict, "train:1 exists with another definition")
    );
}

TEST_F(EnvironmentsTest, OfManyWhoWantTheNextVersionEachGetsItsOwn) {
    constexpr int k_threads = 8;
    std::vector<std::thread> threads;
    for (int i = 0; i < k_threads; ++i) {
        threads.emplace_back([this, i] {
            EXPECT_THAT(add("train", "", std::to_string(i)), Succeeds());
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const auto history = environments().history("default", "train");
    ASSERT_THAT(history, Succeeds());
    ASSERT_THAT(*history, SizeIs(k_threads));
    for (int i = 0; i < k_threads; ++i) {
        EXPECT_EQ((*history)[static_cast<std::size_t>(i)].version, std::to_string(k_threads - i));
    }
}

TEST_F(EnvironmentsTest, ArchivedVersionsAreNotListedAndStillFound) {
    version_of("train", "a");
    version_of("train", "b");
    auto two = environments().find("default", "train", "2");
    ASSERT_THAT(two, Succeeds());
    ASSERT_THAT(environments().set_archived(**two, true), Succeeds());
    const auto listed = environments().latest("default", false);
    ASSERT_THAT(listed, Succeeds());
    ASSERT_THAT(*listed, SizeIs(1));
    EXPECT_EQ(listed->front().version, "1");
    const auto with_archived = environments().latest("default", true);
    ASSERT_THAT(with_archived, Succeeds());
    EXPECT_EQ(with_archived->front().version, "2");
    two = environments().find("default", "train", "2");
    ASSERT_THAT(two, Succeeds());
    EXPECT_TRUE((*two)->archived);
    const auto latest = environments().find("default", "train", "");
    ASSERT_THAT(latest, Succeeds());
    EXPECT_EQ((*latest)->version, "1");
}

TEST_F(EnvironmentsTest, WorkspacesAreThoseThatHaveEnvironments) {
    EXPECT_THAT(*environments().workspaces(), IsEmpty());
    ASSERT_THAT(add("train", "", "one"), Succeeds());
    ASSERT_THAT(add("test", "", "two"), Succeeds());

    EXPECT_THAT(*environments().workspaces(), ::testing::ElementsAre("default"));
}

TEST_F(EnvironmentsTest, AVersionThatIsAddedAgainKeepsMore) {
    const EnvironmentDocument canonical = document("a");
    EnvironmentVersion version{
        .workspace = "default",
        .name = "train",
        .version = "1",
        .hash = canonical.digest,
        .inputs = canonical.digest,
        .origin = "custom",
        .notes = "{}",
        .created = 7,
        .keeps = {digest_of("base")}};
    ASSERT_THAT(environments().add(version, {canonical}), Succeeds());
    version.keeps = {digest_of("base"), digest_of("package")};

    const auto again = environments().add(version, {canonical});

    ASSERT_THAT(again, Succeeds());
    EXPECT_FALSE(again->is_new);
    EXPECT_THAT(again->version.keeps, ElementsAre(digest_of("base"), digest_of("package")));
    EXPECT_EQ(*environments().kept(), again->version.keeps);
}

TEST_F(EnvironmentsTest, NotesChangeInPlace) {
    version_of("train", "a");
    auto one = environments().find("default", "train", "1");
    ASSERT_THAT(one, Succeeds());
    const auto edit = [](std::string_view notes) {
        return Result<std::string>(std::string(notes) + "!");
    };
    ASSERT_THAT(environments().edit_notes(**one, edit), Succeeds());
    one = environments().find("default", "train", "1");
    ASSERT_THAT(one, Succeeds());
    EXPECT_EQ((*one)->notes, "{}!");
}

TEST_F(EnvironmentsTest, OfManyEditsAtOnceNoneIsLost) {
    const auto added = add("train", "", "a");
    ASSERT_THAT(added, Succeeds());
    std::vector<std::jthread> editors;
    for (int i = 0; i < 8; ++i) {
        editors.emplace_back([&] {
            const auto edit = [](std::string_view notes) {
                return Result<std::string>(std::string(notes) + "!");
            };
            EXPECT_THAT(environments().edit_notes(added->version, edit), Succeeds());
        });
    }
    editors.clear();
    EXPECT_EQ((*environments().find("default", "train", "1"))->notes, "{}!!!!!!!!");
}

TEST_F(EnvironmentsTest, AVersionTakesOverWhatALaterTextSaysInOtherWords) {
    EnvironmentVersion version = add("train", "", "a")->version;
    ASSERT_THAT(
        environments().edit_notes(
            version, [](std::string_view) { return Result<std::string>("edited"); }
        ),
        Succeeds()
    );

    const auto same = environments().add(version, {});
    version.inputs = digest_of("with a comment");
    version.notes = "written";
    const auto passed_on = environments().add(version, {{version.inputs, "with a comment"}});
    ASSERT_THAT(passed_on, Succeeds());
    EXPECT_EQ(passed_on->version.notes, "edited");
    const auto other = environments().add(
        version, {{version.inputs, "with a comment"}}, Environments::Words::replaced
    );

    ASSERT_THAT(same, Succeeds());
    EXPECT_EQ(same->version.notes, "edited");
    ASSERT_THAT(other, Succeeds());
    EXPECT_FALSE(other->is_new);
    const auto now = environments().find("default", "train", "1");
    ASSERT_THAT(now, Succeeds());
    EXPECT_EQ((*now)->notes, "written");
    EXPECT_EQ((*now)->inputs, version.inputs);
}

TEST_F(EnvironmentsTest, TheLatestImageOfAHashIsTheOneInUse) {
    const Digest hash = digest_of("definition");
    const auto build = [&](const std::string& image) {
        EnvironmentImage built{
            .hash = hash,
            .image = {"application/json", digest_of(image), 3},
            .lock_hash = digest_of(image + " locked"),
            .created = 9};
        const auto added = environments().add_image(built, document(image + " lock"));
        EXPECT_THAT(added, Succeeds());
        return added->ordinal;
    };
    EXPECT_EQ(build("first"), 1);
    EXPECT_EQ(build("first"), 1);
    EXPECT_EQ(build("second"), 2);
    const auto images = environments().images(hash);
    ASSERT_THAT(images, Succeeds());
    ASSERT_THAT(*images, SizeIs(2));
    EXPECT_EQ(images->front().ordinal, 2);
    EXPECT_EQ(*environments().document(*images->front().lock), "second lock");
    const auto of_first = environments().images_with_digest(digest_of("first"));
    ASSERT_THAT(of_first, Succeeds());
    ASSERT_THAT(*of_first, SizeIs(1));
    EXPECT_EQ(of_first->front().hash, hash);
}

TEST_F(EnvironmentsTest, TheImagesInUseOfANameOrAWorkspaceAreToldAtOnce) {
    const auto image_of = [&](const std::string& definition, const std::string& image) {
        const EnvironmentImage built{
            .hash = digest_of(definition), .image = {.digest = digest_of(image)}};
        EXPECT_THAT(environments().add_image(built, std::nullopt), Succeeds());
    };
    ASSERT_THAT(add("train", "1", "one"), Succeeds());
    ASSERT_THAT(add("train", "2", "two"), Succeeds());
    ASSERT_THAT(add("serve", "1", "three"), Succeeds());
    image_of("one", "older");
    image_of("one", "newer");
    image_of("three", "other");

    const auto of_train = environments().images_in_use("default", "train");
    const auto of_all = environments().images_in_use("default", std::nullopt);

    ASSERT_THAT(of_train, Succeeds());
    ASSERT_THAT(*of_train, SizeIs(1));
    EXPECT_EQ(of_train->at(digest_of("one")).image.digest, digest_of("newer"));
    ASSERT_THAT(of_all, Succeeds());
    EXPECT_THAT(*of_all, SizeIs(2));
}

TEST_F(EnvironmentsTest, WhatDiffersIsKeptBesideAVersion) {
    ASSERT_THAT(add("train", "1", "one"), Succeeds());
    auto second = add("train", "2", "two");
    ASSERT_THAT(second, Succeeds());
    second->version.difference = "[]";
    second->version.compared = digest_of("both");

    ASSERT_THAT(environments().keep_differences(std::span(&second->version, 1)), Succeeds());

    const auto history = environments().history("default", "train");
    ASSERT_THAT(history, Succeeds());
    ASSERT_THAT(*history, SizeIs(2));
    EXPECT_EQ(history->at(0), second->version);
    EXPECT_EQ(history->at(1).compared, std::nullopt);
}

TEST_F(EnvironmentsTest, ALockStaysUntilItIsReplaced) {
    const Digest key = digest_of("numpy on glibc 2.36");
    const auto keep = [&](const std::string& text, Environments::Keep which) {
        const auto kept = environments().keep_lock(key, document(text), 1, which);
        EXPECT_THAT(kept, Succeeds());
        return *environments().document(*kept);
    };
    EXPECT_EQ(keep("numpy 1.26.3", Environments::Keep::first), "numpy 1.26.3");
    EXPECT_EQ(keep("numpy 1.26.4", Environments::Keep::first), "numpy 1.26.3");
    EXPECT_EQ(keep("numpy 1.26.4", Environments::Keep::latest), "numpy 1.26.4");
    const auto found = environments().find_lock(key);
    ASSERT_THAT(found, Succeeds());
    EXPECT_EQ(*found, document("numpy 1.26.4").digest);
    EXPECT_EQ(*environments().find_lock(digest_of("another")), std::nullopt);
}

TEST_F(EnvironmentsTest, RunsAreFoundByTheirImage) {
    const Digest image = digest_of("image");
    EnvironmentRun run{.name = "train", .version = "1", .image = image, .command = R"(["true"])"};
    run.end = RunEnd{.ended = 7, .exit_code = 3};
    ASSERT_THAT(environments().add_run(run), Succeeds());
    run.image = digest_of("another");
    ASSERT_THAT(environments().add_run(run), Succeeds());
    const auto of_image = environments().runs(image, 10);
    ASSERT_THAT(of_image, Succeeds());
    ASSERT_THAT(*of_image, SizeIs(1));
    EXPECT_EQ(of_image->front().end, run.end);
    const auto all = environments().runs(std::nullopt, 10);
    ASSERT_THAT(all, Succeeds());
    EXPECT_THAT(*all, SizeIs(2));
    EXPECT_EQ(all->front().image, run.image);
    EXPECT_THAT(*environments().runs(std::nullopt, 1), SizeIs(1));
}

TEST_F(EnvironmentsTest, ARunIsKnownBeforeItEnds) {
    const auto id = environments().add_run({.image = digest_of("image"), .command = "[]"});
    ASSERT_THAT(id, Succeeds());
    EXPECT_EQ(environments().runs(std::nullopt, 1)->front().end, std::nullopt);

    const RunEnd end{.ended = 9, .exit_code = 0};
    ASSERT_THAT(environments().end_run(*id, end), Succeeds());

    EXPECT_EQ(environments().runs(std::nullopt, 1)->front().end, end);
}

}  // namespace
}  // namespace kiln::store
