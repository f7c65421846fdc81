#include "client/wire/build.hpp"
#include "client/wire/bundle.hpp"
#include "client/wire/conda.hpp"
#include "client/wire/difference.hpp"
#include "client/wire/environment.hpp"
#include "client/wire/event.hpp"
#include "client/wire/image.hpp"
#include "client/wire/installed.hpp"
#include "client/wire/problem.hpp"
#include "client/wire/run.hpp"
#include "client/wire/system.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/matchers.hpp"

namespace kiln::client::wire {
namespace {

using ::testing::ElementsAre;
using testing::FailsSaying;
using testing::golden_input;
using ::testing::IsEmpty;
using ::testing::Optional;
using testing::Succeeds;

json::Value golden(const std::string& record) {
    return json::parse(golden_input("wire/" + record + ".json"), record).value();
}

Event golden_event(const std::string& record) {
    return parse_event(json::render(golden(record))).value();
}

Digest digest_like(char digit) {
    return Digest::parse("sha256:" + std::string(64, digit)).value();
}

TEST(WireBuild, RendersTheRequestAsTheDaemonReadsIt) {
    BuildRequest request;
    request.dockerfile = {"Dockerfile", "FROM scratch\nCOPY . /\n"};
    request.context = digest_like('a');
    request.ignore = NamedText{".dockerignore", "*.pyc\n"};
    request.contexts = {
        {"env",
         CondaContext{
             {"env.lock", "@EXPLICIT\nfile:///x/y.conda\n"},
             "/opt/env",
             "test",
             {"main", "dev"},
             {{"file:///x/y.conda", digest_like('b')}},
             true}},
        {"lib", LocalContext{digest_like('c')}},
        {"base", ImageContext{"debian:12"}},
        {"tools", StageContext{"build"}}};
    request.tags = {"app:1"};
    request.build_args = {{"VERSION", "1"}};
    request.target = "app";
    request.labels = {{"team", "blue"}};
    request.annotations = {{"org.opencontainers.image.source", "local"}};
    request.platform = "linux/amd64";
    request.source_date_epoch = 315619200;
    request.link_scripts = "perl,r-base";
    request.compile_pyc = true;
    request.sbom = "spdx";
    request.compression_level = 3;
    request.push = true;
    request.credentials = {{"registry.example", {"user", "secret"}}};

    EXPECT_EQ(render(request), golden("build_request"));
}

TEST(WireConda, RendersTheLockRequestAsTheDaemonReadsIt) {
    LockRequest request;
    request.input = {"environment.yml", "dependencies:\n  - python\n"};
    request.platform = "linux-64";
    request.environment = "test";
    request.categories = {"main", "dev"};
    request.base = "debian:12";
    request.channels = {"file:///srv/channel", "conda-forge"};
    request.directory = "file:///srv/work";
    request.virtual_packages = {"__cuda=12.4"};
    request.priority = "flexible";
    request.pins = {"openssl 3.*"};
    request.format = "explicit";
    request.files = {
        {"file:///srv/channel/linux-64", RepodataFile{"repodata.json.zst", digest_like('b')}},
        {"file:///srv/channel/noarch", std::nullopt}};

    EXPECT_EQ(render(request), golden("lock_request"));
}

TEST(WireConda, ReadsWhatALockNeeds) {
    const auto answer = parse_lock_answer(golden("lock_needs"));

    ASSERT_THAT(answer, Succeeds());
    EXPECT_EQ(answer->id, std::nullopt);
    EXPECT_THAT(answer->needs, ElementsAre(digest_like('b')));
    EXPECT_THAT(
        answer->subdirs, ElementsAre("file:///srv/channel/linux-64", "file:///srv/channel/noarch")
    );
    EXPECT_THAT(
        answer->names,
        ElementsAre("repodata.json.zst", "repodata.json", "repodata_shards.msgpack.zst")
    );
    EXPECT_EQ(answer->shards.size(), 1U);
}

TEST(WireConda, RendersThePipLockRequestAsTheDaemonReadsIt) {
    PipLockRequest request;
    request.input = {"environment.yml", "dependencies:\n  - pip:\n    - -f wheels\n    - flask\n"};
    request.lock = {"environment.yml (conda part)", "@EXPLICIT\n"};
    request.base = "debian:12";
    request.network = "host";
    request.files = {{"file:///srv/channel/noarch/pip-24.0-0.conda", digest_like('a')}};
    request.paths = {
        {"gone.txt", std::nullopt},
        {"wheels",
         PipPath{"file:///srv/wheels", true, {{"flask-3.0-py3-none-any.whl", digest_like('b')}}}}};

    EXPECT_EQ(render(request), golden("pip_lock_request"));
}

TEST(WireConda, ReadsWhatAPipLockNeeds) {
    const auto answer = parse_pip_lock_answer(golden("pip_lock_needs"));

    ASSERT_THAT(answer, Succeeds());
    EXPECT_THAT(answer->needs, ElementsAre(digest_like('b')));
    EXPECT_THAT(answer->files, ElementsAre("file:///srv/channel/noarch/pip-24.0-0.conda"));
    EXPECT_THAT(answer->paths, ElementsAre("wheels"));
}

TEST(WireBuild, ReadsWhatTheDaemonNeedsOrTheIdOfTheBuild) {
    const auto needs = parse_build_answer(golden("build_needs"));
    const auto accepted = parse_build_answer(golden("build_accepted"));

    ASSERT_THAT(needs, Succeeds());
    EXPECT_EQ(needs->id, std::nullopt);
    EXPECT_THAT(needs->needs, ElementsAre(digest_like('a'), digest_like('b')));
    EXPECT_THAT(needs->unresolved.at("env"), Optional(digest_like('a').render()));
    EXPECT_THAT(needs->pulls, ElementsAre("registry.example/base:1"));
    ASSERT_THAT(accepted, Succeeds());
    EXPECT_THAT(accepted->id, Optional(std::string("7f3a9c01d2e4")));
    EXPECT_THAT(accepted->needs, IsEmpty());
}

TEST(WireBuild, ReadsRecordsOfBuilds) {
    const auto failed = parse_build_record(golden("build_record_failed"));
    const auto all = parse_builds(golden("builds"));

    ASSERT_THAT(failed, Succeeds());
    ASSERT_TRUE(failed->error);
    EXPECT_EQ(failed->error->code, Code::step_failed);
    ASSERT_THAT(all, Succeeds());
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ(all->at(0).cached, 3U);
    EXPECT_EQ(all->at(1).ended, std::nullopt);
}

TEST(WireBuild, ReadsWhyStepsRan) {
    const auto steps = parse_explanation(golden("explain"));

    ASSERT_THAT(steps, Succeeds());
    ASSERT_EQ(steps->size(), 2U);
    EXPECT_EQ(steps->at(1).reason, "app.py changed");
    ASSERT_EQ(steps->at(1).changed.size(), 3U);
    EXPECT_EQ(steps->at(1).changed[1].was, std::nullopt);
    EXPECT_EQ(steps->at(1).changed[2].is, std::nullopt);
}

TEST(WireEvent, ReadsEveryKind) {
    const auto step = std::get<StepEvent>(golden_event("event_step").body);
    EXPECT_EQ(step.status, StepStatus::done);
    EXPECT_EQ(step.duration_ms, 1234U);
    EXPECT_EQ(step.diff_id, digest_like('a'));

    const auto push = std::get<ProgressEvent>(golden_event("event_progress_push").body);
    EXPECT_EQ(push.step, std::nullopt);
    EXPECT_EQ(push.total_bytes, std::nullopt);

    EXPECT_EQ(
        std::get<LogEvent>(golden_event("event_log").body).bytes, "Reading package lists...\n"
    );
    EXPECT_EQ(
        std::get<LogEvent>(golden_event("event_log_binary").body).bytes,
        std::string("\xff\xfe\0", 3)
    );

    const auto warning = std::get<WarningEvent>(golden_event("event_warning").body);
    EXPECT_EQ(warning.where, (Span{"Dockerfile", 9, 1, 21}));

    EXPECT_EQ(std::get<ResultEvent>(golden_event("event_result").body).image, digest_like('a'));
    EXPECT_EQ(std::get<ResultEvent>(golden_event("event_result_run").body).exit_code, 3);
    EXPECT_EQ(std::get<ResultEvent>(golden_event("event_result_lock").body).lock, "@EXPLICIT\n");
    const auto failed = std::get<ResultEvent>(golden_event("event_result_failed").body);
    EXPECT_EQ(failed.status, ResultStatus::failed);
    EXPECT_EQ(failed.error->message, "RUN pip install . ended with exit code 1");
}

TEST(WireEvent, IsDeafToFieldsAndKindsOfANewerDaemon) {
    json::Value event = golden("event_log");
    event.get_object()["mood"] = "sunny";
    event.get_object()["log"].get_object()["level"] = 3;
    json::Value newer = golden("event_log");
    newer.get_object()["type"] = "metric";

    EXPECT_THAT(parse_event(json::render(event)), Succeeds());
    const auto parsed = parse_event(json::render(newer));
    ASSERT_THAT(parsed, Succeeds());
    EXPECT_TRUE(std::holds_alternative<std::monostate>(parsed->body));
}

TEST(WireEvent, RefusesWhatItCannotMean) {
    json::Value event = golden("event_step");
    event.get_object()["step"].get_object()["status"] = "asleep";

    EXPECT_THAT(parse_event(json::render(event)), FailsSaying(Code::invalid_input, "asleep"));
}

TEST(WireProblem, ComesBackAsTheErrorItWas) {
    const auto error = parse_problem(golden("problem"));

    ASSERT_THAT(error, Succeeds());
    EXPECT_EQ(error->code, Code::not_found);
    EXPECT_EQ(error->message, "app.py is not in the build context");
    EXPECT_THAT(error->trail, ElementsAre("while planning stage \"app\""));
    EXPECT_EQ(error->where, (Span{"Dockerfile", 7, 6, 12}));
    EXPECT_EQ(error->hint, ".dockerignore line 3 (*.py) excludes it");
}

TEST(WireImage, ReadsEveryRecord) {
    const auto images = parse_images(golden("images"));
    ASSERT_THAT(images, Succeeds());
    EXPECT_EQ(images->at(0).layers, 5U);

    const auto history = parse_history(golden("history"));
    ASSERT_THAT(history, Succeeds());
    EXPECT_EQ(history->at(1).diff_id, std::nullopt);

    const auto layers = parse_layers(golden("layers"));
    ASSERT_THAT(layers, Succeeds());
    EXPECT_EQ(layers->at(0).origin, "COPY . /srv");

    const auto loaded = parse_loaded(golden("load_answer"));
    ASSERT_THAT(loaded, Succeeds());
    EXPECT_EQ(loaded->at(1).name, std::nullopt);

    const auto named = parse_named_digest(golden("name_answer"));
    ASSERT_THAT(named, Succeeds());
    EXPECT_EQ(named->name, "app:latest");

    const auto rebased = parse_rebased(golden("rebase_answer"));
    ASSERT_THAT(rebased, Succeeds());
    EXPECT_EQ(rebased->layers_kept, 5U);
}

TEST(WireInstalled, ReadsThePackagesOfAnImage) {
    const auto environments = parse_installed(golden("packages"));

    ASSERT_THAT(environments, Succeeds());
    EXPECT_EQ(environments->at(0).prefix, "/opt/env");
    EXPECT_EQ(environments->at(0).packages.at(0).channel, "conda-forge");
    EXPECT_EQ(environments->at(0).packages.at(1).channel, "");
}

TEST(WireDifference, ReadsWhatDiffers) {
    const auto difference = parse_difference(golden("difference"));

    ASSERT_THAT(difference, Succeeds());
    EXPECT_EQ(difference->environments.at(0).packages.at(0).before->version, "1.26.3");
    EXPECT_FALSE(difference->environments.at(0).packages.at(1).after);
    EXPECT_EQ(difference->environments.at(1).prefix_before, "");
    EXPECT_EQ(difference->system.packages.at(0).after->version, "2.36-9+deb12u9");
    EXPECT_EQ(difference->system.unchanged, 87U);
    EXPECT_THAT(difference->files.at(0).differs, ElementsAre("content", "mode"));
    EXPECT_EQ(difference->files.at(1).package, "numpy");
    EXPECT_FALSE(difference->files.at(2).before);
}

TEST(WireInstalled, ReadsAVerification) {
    const auto environments = parse_verification(golden("verification"));

    ASSERT_THAT(environments, Succeeds());
    EXPECT_EQ(environments->at(0).paths, 9120U);
    EXPECT_EQ(environments->at(0).problems.at(0).step, "RUN sed -i s/1/2/ version.py");
    EXPECT_EQ(environments->at(0).problems.at(2).step, "");
    EXPECT_THAT(environments->at(0).extra, ElementsAre("etc/pip.conf"));
}

TEST(WireImage, RendersItsRequests) {
    EXPECT_EQ(
        render(PushRequest{
            .name = "app:1",
            .destination = "registry.example/team/app:1",
            .compression = std::nullopt,
            .force_compression = false,
            .credentials = {{"registry.example", {"user", "secret"}}}}),
        golden("push_request")
    );
    EXPECT_EQ(
        render(PullRequest{
            .name = "registry.example/team/app:1",
            .platform = "linux/amd64",
            .referrers = {"application/spdx+json"},
            .credentials = {{"registry.example", {"user", "secret"}}}}),
        golden("pull_request")
    );
    EXPECT_EQ(
        render(RunRequest{
            .name = "app:1",
            .command = {"python3", "-V"},
            .env = {{"K", "V"}},
            .workdir = "/srv",
            .user = std::nullopt,
            .network = "none",
            .mounts = {{"/data", true}},
            .devices = {"vendor.example/gpu=all"},
            .environment = RunEnvironment{"default", "train:3"},
            .has_input = false,
            .has_signals = true}),
        golden("run_request")
    );
}

TEST(Wire, TellsWhatRan) {
    const auto runs = parse_runs(golden("runs"));

    ASSERT_THAT(runs, Succeeds());
    ASSERT_EQ(runs->size(), 1U);
    EXPECT_EQ(runs->front().environment, "train:3");
    EXPECT_EQ(runs->front().command, (std::vector<std::string>{"python3", "train.py"}));
    EXPECT_EQ(runs->front().author, 1000U);
    EXPECT_EQ(runs->front().exit_code, 1);
}

TEST(WireSystem, ReadsEveryRecord) {
    const auto system = parse_system(golden("system"));
    ASSERT_THAT(system, Succeeds());
    EXPECT_EQ(system->rung_number, 2U);
    EXPECT_EQ(system->checks.at(1).ok, false);

    const auto usage = parse_usage(golden("usage"));
    ASSERT_THAT(usage, Succeeds());
    EXPECT_EQ(usage->cache.count, 3U);

    const auto collected = parse_gc_answer(golden("gc_answer"));
    ASSERT_THAT(collected, Succeeds());
    EXPECT_EQ(collected->cache_records, 4U);

    const auto verified = parse_verify_answer(golden("verify_answer"));
    ASSERT_THAT(verified, Succeeds());
    EXPECT_EQ(verified->problems.at(0).action, "quarantined");
}

TEST(WireSystem, RendersTheCollectorsRequest) {
    const GcRequest request{
        .keep_size_bytes = 1073741824, .keep_age_seconds = 86400, .dry_run = true};

    EXPECT_EQ(render(request), golden("gc_request"));
}

TEST(WireEnvironment, RendersTheDefinitionAsTheDaemonReadsIt) {
    EnvironmentRequest request;
    request.workspace = "default";
    request.definition = {"env.yml", "name: train\nimage: debian:12\nconda_file: conda.yml\n"};
    request.conda_file = NamedText{"conda.yml", "dependencies: [numpy]\n"};
    request.dockerfile = NamedText{"docker/Dockerfile", "FROM debian:12\n"};
    request.ignore = NamedText{".dockerignore", "*.log\n"};
    request.context = digest_like('c');

    EXPECT_EQ(render(request), golden("environment_request"));
}

TEST(WireEnvironment, ReadsWhatWasMadeAndWhatIsLacking) {
    const auto wanted = parse_create_answer(golden("environment_wanted"));
    const auto made = parse_create_answer(golden("environment_made"));

    ASSERT_THAT(wanted, Succeeds());
    ASSERT_EQ(wanted->wanted.size(), 1U);
    EXPECT_EQ(wanted->wanted[0].role, "conda_file");
    EXPECT_EQ(wanted->wanted[0].path, "conda.yml");
    EXPECT_EQ(wanted->wanted[0].where->line, 3U);
    EXPECT_THAT(wanted->pulls, ElementsAre("registry.example/base:1"));
    EXPECT_FALSE(wanted->environment);
    ASSERT_THAT(made, Succeeds());
    EXPECT_TRUE(made->is_new);
    EXPECT_EQ(made->environment->name, "train");
    EXPECT_EQ(made->environment->image, digest_like('c'));
}

TEST(WireEnvironment, RendersTheBuildAsTheDaemonReadsIt) {
    EnvironmentBuildRequest request;
    request.workspace = "default";
    request.environment = "train:2";
    request.rebuild = true;
    request.pull = true;
    request.lock = NamedText{"the lock of conda.yml", "{}"};
    request.files = {{"file:///x/y.conda", digest_like('c')}};
    request.credentials = {{"registry.example", {"u", "p"}}};

    EXPECT_EQ(render(request), golden("environment_build_request"));
}

TEST(WireEnvironment, ReadsWhatABuildNeeds) {
    const auto known = parse_environment_build_answer(golden("environment_build_known"));
    const auto unresolved = parse_environment_build_answer(golden("environment_build_unresolved"));
    const auto needs = parse_environment_build_answer(golden("environment_build_needs"));

    ASSERT_THAT(known, Succeeds());
    EXPECT_EQ(known->image, digest_like('c'));
    ASSERT_THAT(unresolved, Succeeds());
    ASSERT_TRUE(unresolved->unresolved);
    EXPECT_EQ(unresolved->unresolved->input.name, "conda.yml");
    EXPECT_THAT(unresolved->unresolved->channels, ElementsAre("conda-forge"));
    ASSERT_THAT(needs, Succeeds());
    EXPECT_THAT(needs->files, ElementsAre("file:///x/y.conda"));
    EXPECT_THAT(needs->needs, ElementsAre(digest_like('c')));
}

TEST(WireEnvironment, ReadsListsHistoriesAndDifferences) {
    const auto list = parse_environments(golden("environments"));
    const auto history =
        parse_environment_history_row(golden("environment_history").at("versions").at(0));
    const auto differences = parse_environment_differences(golden("environment_differences"));

    ASSERT_THAT(list, Succeeds());
    EXPECT_EQ(list->at(0).version, "2");
    ASSERT_THAT(history, Succeeds());
    EXPECT_EQ(history->changes.at(0).sentence, "numpy 1.26.3 to 1.26.4");
    ASSERT_THAT(differences, Succeeds());
    EXPECT_EQ(differences->at(0).change, "package");
}

TEST(WireBundle, IsTheSameRecordOnBothSides) {
    const auto answer = parse_bundle_answer(golden("bundle_answer"));
    const auto needs = parse_bundle_answer(golden("bundle_needs"));

    ASSERT_THAT(answer, Succeeds());
    EXPECT_EQ(json::Value(render(*answer->bundle)), golden("bundle_answer").at("bundle"));
    EXPECT_EQ(render(BundleRequest{"default", {"app:1", "env:train:2"}}), golden("bundle_request"));
    ASSERT_THAT(needs, Succeeds());
    EXPECT_FALSE(needs->bundle);
    EXPECT_EQ(needs->fetches.at(0).name, "the lock of train:2");
}

TEST(WireBundle, IsTakenInUntilNothingIsLacking) {
    const auto needs = parse_unbundle_answer(golden("unbundle_needs"));
    const auto accepted = parse_unbundle_answer(golden("unbundle_accepted"));
    const Event event = golden_event("event_result_unbundle");
    const auto report = parse_unbundled(*std::get<ResultEvent>(event.body).report);

    EXPECT_EQ(render(UnbundleRequest{digest_like('d'), {}}), golden("unbundle_request"));
    ASSERT_THAT(needs, Succeeds());
    EXPECT_THAT(needs->needs, ElementsAre(digest_like('a'), digest_like('b')));
    ASSERT_THAT(accepted, Succeeds());
    EXPECT_EQ(accepted->id, "0123456789abcdef");
    ASSERT_THAT(report, Succeeds());
    EXPECT_EQ(report->images.at(0).name, "app:1");
    EXPECT_FALSE(report->images.at(1).name);
    EXPECT_EQ(report->environments.size(), 1U);
}

TEST(WireEnvironment, ReadsTheReportOfARefresh) {
    const Event event = golden_event("event_result_refresh");
    const auto rows = parse_refreshed(*std::get<ResultEvent>(event.body).report);

    ASSERT_THAT(rows, Succeeds());
    EXPECT_EQ(rows->at(0).status, "rebased");
    EXPECT_EQ(rows->at(0).moved_bytes, 1024U);
    EXPECT_FALSE(rows->at(0).unresolved.has_value());
    EXPECT_EQ(rows->at(1).unresolved.value().platform, "linux/amd64");
}

TEST(WireEnvironment, ReadsWhatACuratedSetCameTo) {
    const Event event = golden_event("event_result_curate");
    const auto report = parse_curation_report(*std::get<ResultEvent>(event.body).report);

    ASSERT_THAT(report, Succeeds());
    EXPECT_TRUE(report->environments.at(0).is_new);
    EXPECT_EQ(report->environments.at(0).row.version, "2");
    EXPECT_EQ(report->passed_over.at(0).reference, "registry.example/team/curated:x");
}

TEST(WireEnvironment, ReadsTheNamesOfBases) {
    const auto names = parse_base_names(golden("environment_bases"));

    ASSERT_THAT(names, Succeeds());
    EXPECT_THAT(*names, ElementsAre("debian:12"));
}

}  // namespace
}  // namespace kiln::client::wire
