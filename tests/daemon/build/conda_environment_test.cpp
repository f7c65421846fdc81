#include "daemon/build/conda_environment.hpp"

#include "daemon/build/images.hpp"
#include "layers/oci/validate.hpp"
#include "store/lease.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/test_daemon.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kiln::daemon {
namespace {

using kiln::testing::PackageMaker;
using kiln::testing::Succeeds;
using kiln::testing::TestDaemon;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto k_upon_scratch = "FROM scratch\nCOPY --link --from=env / /\n";

PackageMaker package(const std::string& name, const std::string& version = "1.0") {
    return PackageMaker(name, version).file("share/" + name, name + version);
}

/// A daemon that was sent packages, as a client does.
class CondaDaemon {
  public:
    TestDaemon daemon;

    BuildRequest request(const std::string& dockerfile, const std::vector<PackageMaker>& packages) {
        auto request = TestDaemon::request_for(dockerfile, "app:1");
        CondaContext context;
        context.prefix = "/opt/env";
        context.lock = {"env.lock", "@EXPLICIT\n"};
        for (const PackageMaker& maker : packages) {
            const std::string file = maker.dist() + ".conda";
            const auto kept =
                store::write_blob(daemon.store->blobs(), lease_, as_bytes(maker.conda()));
            EXPECT_THAT(kept, Succeeds());
            context.lock.text += "./" + file + "\n";
            context.files.emplace("./" + file, *kept);
        }
        request.contexts.emplace("env", std::move(context));
        return request;
    }

    std::shared_ptr<Job> build(BuildRequest request) {
        auto job = daemon.start(std::move(request));
        daemon.run_until_idle();
        return job;
    }

    /// The layers of app:1, which is checked from its bytes.
    std::vector<Digest> layers_of(const Job& job) {
        EXPECT_EQ(job.status(), JobStatus::done)
            << (job.result().error ? job.result().error->render() : "");
        const auto ref = find_image(*daemon.store, "app:1");
        EXPECT_THAT(ref, Succeeds());
        EXPECT_THAT(oci::validate_image(daemon.store->blobs(), ref->target, {}).value(), IsEmpty());
        const auto image = load_image(*daemon.store, ref->target);
        EXPECT_THAT(image, Succeeds());
        return image->config.diff_ids;
    }

    std::vector<std::string> origins_of(const Job& job) {
        std::vector<std::string> origins;
        for (const Digest& layer : layers_of(job)) {
            origins.push_back(daemon.store->index().find_layer(layer).value()->origin);
        }
        return origins;
    }

  private:
    store::Lease lease_ = daemon.store->lease();
};

std::vector<PackageMaker> many(std::size_t count) {
    std::vector<PackageMaker> packages;
    for (std::size_t i = 0; i < count; ++i) {
        packages.push_back(package(fmt::format("p{:02}", i)));
    }
    return packages;
}

std::size_t new_in(const std::vector<Digest>& after, const std::vector<Digest>& before) {
    const std::set<Digest> known(before.begin(), before.end());
    return static_cast<std::size_t>(std::count_if(
        after.begin(), after.end(), [&](const Digest& each) { return !known.contains(each); }
    ));
}

TEST(CondaEnvironment, HasALayerOfWhatIsAboveThePrefixAndOneAPackage) {
    CondaDaemon conda;

    const auto job = conda.build(conda.request(k_upon_scratch, {package("a"), package("c")}));

    EXPECT_THAT(
        conda.origins_of(*job),
        ElementsAre("conda prefix /opt/env", "a-1.0-0", "c-1.0-0", "conda-meta")
    );
}

TEST(CondaEnvironment, LeavesTheParentsOfItsPrefixAloneWhereTheBaseHasThem) {
    CondaDaemon conda;

    const auto job = conda.build(
        conda.request("FROM scratch\nRUN mkdir opt\nCOPY --link --from=env / /\n", {package("a")})
    );

    EXPECT_THAT(
        conda.origins_of(*job), ElementsAre("RUN /bin/sh -c mkdir opt", "a-1.0-0", "conda-meta")
    );
}

TEST(CondaEnvironment, AloneIsAnImageToo) {
    CondaDaemon conda;
    const auto job = conda.build(conda.request("FROM env\n", {package("a")}));
    EXPECT_THAT(
        conda.origins_of(*job), ElementsAre("conda prefix /opt/env", "a-1.0-0", "conda-meta")
    );
}

TEST(CondaEnvironment, IsTheSameWhateverTheOrderOfTheLock) {
    CondaDaemon conda;
    const auto one = conda.layers_of(
        *conda.build(conda.request(k_upon_scratch, {package("a"), package("b"), package("c")}))
    );
    const auto other = conda.layers_of(
        *conda.build(conda.request(k_upon_scratch, {package("c"), package("a"), package("b")}))
    );
    EXPECT_EQ(one, other);
}

TEST(CondaEnvironment, PackagesShareLayersWhereThereAreFew) {
    CondaDaemon conda;
    auto request = conda.request(k_upon_scratch, many(30));
    request.max_layers = 10;
    const auto before = conda.layers_of(*conda.build(std::move(request)));
    EXPECT_LE(before.size(), 10U);

    // One package changes: its bucket and conda-meta do, and nothing else.
    auto changed = many(30);
    changed[17] = package("p17", "2.0");
    request = conda.request(k_upon_scratch, changed);
    request.max_layers = 10;
    EXPECT_EQ(new_in(conda.layers_of(*conda.build(std::move(request))), before), 2U);

    auto more = many(31);
    request = conda.request(k_upon_scratch, more);
    request.max_layers = 10;
    EXPECT_EQ(new_in(conda.layers_of(*conda.build(std::move(request))), before), 2U);

    auto less = many(30);
    less.erase(less.begin() + 4);
    request = conda.request(k_upon_scratch, less);
    request.max_layers = 10;
    EXPECT_LE(new_in(conda.layers_of(*conda.build(std::move(request))), before), 2U);
}

TEST(CondaEnvironment, TheWholeImageStaysWithinTheLimit) {
    CondaDaemon conda;
    std::string dockerfile = "FROM scratch\n";
    for (int i = 0; i < 6; ++i) {
        dockerfile += fmt::format("RUN write f{} x\n", i);
    }
    auto request = conda.request(dockerfile + "COPY --link --from=env / /\n", many(30));
    request.max_layers = 12;
    EXPECT_LE(conda.layers_of(*conda.build(std::move(request))).size(), 12U);
}

TEST(CondaEnvironment, IsRefusedWhereTheImageMayHaveTooFewLayers) {
    for (const char* const dockerfile : {"FROM env\n", k_upon_scratch}) {
        CondaDaemon conda;
        auto request = conda.request(dockerfile, {package("a")});
        request.max_layers = 2;

        const auto job = conda.build(std::move(request));

        ASSERT_EQ(job->status(), JobStatus::failed) << dockerfile;
        EXPECT_EQ(job->result().error->code, Code::too_large);
        EXPECT_THAT(job->result().error->hint, HasSubstr("three"));
        EXPECT_TRUE(job->result().error->where);
    }
}

TEST(CondaEnvironment, WarnsOfWhatWasLostWhatIsMissingAndWhatIsNotRun) {
    CondaDaemon conda;
    const PackageMaker a =
        package("a").file("x", "a").file("bin/.a-post-link.sh", "true\n").depends("gone >=2");
    const PackageMaker b = package("b").file("x", "b");

    const auto job = conda.build(conda.request(k_upon_scratch, {a, b}));

    EXPECT_EQ(job->status(), JobStatus::done);
    std::vector<std::string> lines;
    std::uint64_t sequence = 0;
    while (const auto* line = job->events().after(sequence)) {
        lines.push_back(line->text);
        sequence = line->sequence;
    }
    EXPECT_THAT(lines, Contains(HasSubstr("b-1.0-0 and a-1.0-0 both hold x")));
    EXPECT_THAT(lines, Contains(HasSubstr("a-1.0-0 needs gone >=2")));
    EXPECT_THAT(lines, Contains(HasSubstr("the post-link script of a-1.0-0 is not run")));
}

// The sandbox of these tests has no programs: what would run is what it misses.

TEST(CondaEnvironment, AllowedScriptsAreRun) {
    CondaDaemon conda;
    const PackageMaker a = package("a").file("bin/.a-post-link.sh", "true\n");
    auto request = conda.request(k_upon_scratch, {a});
    request.link_scripts = conda::LinkScriptPolicy::parse("a").value();

    const auto job = conda.build(std::move(request));

    EXPECT_EQ(job->status(), JobStatus::failed);
    EXPECT_THAT(job->result().error->message, HasSubstr("no bash to run"));
    EXPECT_EQ(job->result().error->where->line, 2U);
}

TEST(CondaEnvironment, SourcesAreCompiledByThePythonOfTheEnvironment) {
    CondaDaemon conda;
    const PackageMaker hello =
        PackageMaker("hello").noarch("python").file("site-packages/h.py", "x = 1\n");
    const PackageMaker python = PackageMaker("python", "3.11.4").file("bin/python3.11", "elf");
    auto request = conda.request(k_upon_scratch, {hello, python});
    request.compile_pyc = true;

    const auto job = conda.build(std::move(request));

    EXPECT_EQ(job->status(), JobStatus::failed);
    EXPECT_THAT(job->result().error->message, HasSubstr("no /opt/env/bin/python3.11 to run"));
}

}  // namespace
}  // namespace kiln::daemon
