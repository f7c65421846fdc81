#include "daemon/build/build_run.hpp"

#include "daemon/build/images.hpp"
#include "layers/oci/validate.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/test_daemon.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using kiln::testing::Succeeds;
using kiln::testing::TestDaemon;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> statuses(const Job& job) {
    std::vector<Explanation> steps = job.explanations;
    std::stable_sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) {
        return a.step < b.step;
    });
    std::vector<std::string> result;
    for (const Explanation& step : steps) {
        result.push_back(step.status);
    }
    return result;
}

std::optional<Digest> image_of(const Job& job) {
    EXPECT_EQ(job.status(), JobStatus::done)
        << (job.result().error ? job.result().error->render() : "");
    return job.result().image;
}

constexpr auto k_two_steps = "FROM scratch\nRUN write a one\nRUN write b two\n";

TEST(BuildRun, MakesAnImageThatTheIndependentCheckFindsWhole) {
    TestDaemon daemon;

    const auto job = daemon.build(k_two_steps);

    ASSERT_TRUE(image_of(*job).has_value());
    const auto ref = find_image(*daemon.store, "app:1");
    ASSERT_THAT(ref, Succeeds());
    EXPECT_EQ(ref->target.digest, *job->result().image);
    const auto mismatches = oci::validate_image(daemon.store->blobs(), ref->target, {});
    ASSERT_THAT(mismatches, Succeeds());
    EXPECT_THAT(*mismatches, IsEmpty());
    const auto image = load_image(*daemon.store, ref->target);
    ASSERT_THAT(image, Succeeds());
    EXPECT_THAT(image->config.diff_ids, SizeIs(2));
}

TEST(BuildRun, FindsEverythingInTheCacheTheSecondTime) {
    TestDaemon daemon;

    const auto first = daemon.build(k_two_steps);
    const auto second = daemon.build(k_two_steps);

    EXPECT_EQ(image_of(*first), image_of(*second));
    EXPECT_THAT(statuses(*first), Each("miss"));
    EXPECT_THAT(statuses(*second), Each("hit"));
    EXPECT_THAT(daemon.executor.runs(), SizeIs(2));
}

TEST(BuildRun, GivesTheSameImageInAnotherStore) {
    TestDaemon one;
    TestDaemon other;

    EXPECT_EQ(image_of(*one.build(k_two_steps)), image_of(*other.build(k_two_steps)));
}

TEST(BuildRun, RebuildsNothingBelowARunThatCameOutTheSame) {
    TestDaemon daemon;
    daemon.build("FROM scratch\nENV V=1\nRUN write a one\nRUN write b two\n");

    const auto job = daemon.build("FROM scratch\nENV V=1\nRUN  write   a one\nRUN write b two\n");

    EXPECT_THAT(statuses(*job), ElementsAre("uncached", "miss", "hit"));
}

TEST(BuildRun, SaysWhatChanged) {
    TestDaemon daemon;
    daemon.build("FROM scratch\nRUN write a one\n");

    const auto job = daemon.build("FROM scratch\nENV LEVEL=2\nRUN write a one\n");

    ASSERT_EQ(job->explanations.size(), 2U);
    EXPECT_EQ(job->explanations.back().reason, "variable LEVEL is new");
}

TEST(BuildRun, RunsEverythingAgainWithoutTheCache) {
    TestDaemon daemon;
    daemon.build(k_two_steps);
    auto request = TestDaemon::request_for(k_two_steps, "app:1");
    request.no_cache = true;

    const auto job = daemon.start(std::move(request));
    daemon.run_until_idle();

    EXPECT_THAT(statuses(*job), Each("ran"));
    EXPECT_THAT(daemon.executor.runs(), SizeIs(4));
}

TEST(BuildRun, AttachesABillOfMaterialsOnceAndAnotherBesideIt) {
    TestDaemon daemon;
    auto request = TestDaemon::request_for(k_two_steps, "app:1");
    std::vector<std::size_t> counts;

    for (const SbomFormat format : {SbomFormat::spdx, SbomFormat::spdx, SbomFormat::cyclonedx}) {
        request.sbom = format;
        const auto job = daemon.start(request);
        daemon.run_until_idle();
        const auto known = daemon.store->index().find_referrers(*image_of(*job));
        ASSERT_TRUE(known.has_value());
        counts.push_back(known->size());
    }

    EXPECT_THAT(counts, ElementsAre(1U, 1U, 2U));
}

TEST(BuildRun, LetsTwoBuildsAtOnceShareTheWork) {
    TestDaemon daemon;

    const auto one = daemon.start(k_two_steps, "app:1");
    const auto other = daemon.start(k_two_steps, "app:2");
    daemon.run_until_idle();

    EXPECT_EQ(image_of(*one), image_of(*other));
    EXPECT_THAT(daemon.executor.runs(), SizeIs(2));
}

TEST(BuildRun, LeavesAStepWithoutChangesWithoutALayer) {
    TestDaemon daemon;

    const auto job = daemon.build("FROM scratch\nRUN write a one\nRUN echo nothing\n");

    ASSERT_TRUE(image_of(*job));
    const auto image = load_image(*daemon.store, find_image(*daemon.store, "app:1")->target);
    EXPECT_THAT(image->config.diff_ids, SizeIs(1));
    EXPECT_TRUE(image->config.history.back().empty_layer);
    EXPECT_THAT(
        statuses(*daemon.build("FROM scratch\nRUN write a one\nRUN echo nothing\n")), Each("hit")
    );
}

TEST(BuildRun, EndsWithTheFailedStepAndItsPlace) {
    TestDaemon daemon;

    const auto job = daemon.build("FROM scratch\nRUN write a one\nRUN exit 3\nRUN write b two\n");

    EXPECT_EQ(job->status(), JobStatus::failed);
    ASSERT_TRUE(job->result().error);
    EXPECT_EQ(job->result().error->code, Code::step_failed);
    EXPECT_THAT(job->result().error->message, HasSubstr("exit code 3"));
    EXPECT_EQ(job->result().error->where->line, 3U);
    EXPECT_THAT(daemon.executor.runs(), SizeIs(2));
    EXPECT_THAT(daemon.executor.closed_scopes(), ElementsAre(job->id()));
}

TEST(BuildRun, CopiesBetweenStagesWithoutUnpacking) {
    TestDaemon daemon;

    const auto job =
        daemon.build("FROM scratch AS a\nRUN write x/y deep\nFROM scratch\nCOPY --from=a /x /z\n");

    ASSERT_TRUE(image_of(*job));
    const auto image = load_image(*daemon.store, find_image(*daemon.store, "app:1")->target);
    const auto files = SourceTree::of_layers(*daemon.store, image->config.diff_ids);
    ASSERT_THAT(files, Succeeds());
    EXPECT_EQ((*files)->read_text("z/y", 100).value(), "deep");
}

TEST(BuildRun, CancelsARunThatWaits) {
    TestDaemon daemon;
    const auto job = daemon.start("FROM scratch\nRUN wait\n");
    job->cancel();

    daemon.run_until_idle();

    EXPECT_EQ(job->status(), JobStatus::cancelled);
}

TEST(BuildRun, RefusesMoreLayersThanAsked) {
    TestDaemon daemon;
    auto request = TestDaemon::request_for(k_two_steps, "app:1");
    request.max_layers = 1;

    const auto job = daemon.start(std::move(request));
    daemon.run_until_idle();

    EXPECT_EQ(job->status(), JobStatus::failed);
    EXPECT_EQ(job->result().error->code, Code::too_large);
    EXPECT_EQ(job->result().error->where->line, 3U);
}

TEST(BuildRun, GivesAnImageOfNothingButAConfigOneEmptyLayer) {
    TestDaemon daemon;

    const auto job = daemon.build("FROM scratch\nCMD [\"x\"]\n");

    ASSERT_TRUE(image_of(*job));
    const auto ref = find_image(*daemon.store, "app:1");
    EXPECT_THAT(oci::validate_image(daemon.store->blobs(), ref->target, {}).value(), IsEmpty());
}

}  // namespace
}  // namespace kiln::daemon
