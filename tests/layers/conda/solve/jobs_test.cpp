#include "layers/conda/solve/solve.hpp"
#include "store/base/json.hpp"
#include "tests/support/folder_channel.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

/// Jobs over real channels that rattler 0.3.5 answered: the same is satisfiable, and satisfied by
/// the very same packages.
namespace kiln::conda {
namespace {

const std::filesystem::path k_solver = std::filesystem::path(KILN_SHARED_DIR) / "conda/solver";

struct Job {
    std::vector<std::string> channels;
    std::vector<std::string> specs;
    bool is_satisfiable = false;
    std::vector<std::string> files;  // sorted
};

std::vector<Job> read_jobs(const std::string& name) {
    std::ifstream in(k_solver / name);
    std::vector<Job> jobs;
    for (std::string line; std::getline(in, line);) {
        const auto document = json::parse(line, name);
        EXPECT_TRUE(document.has_value()) << line;
        json::ObjectReader job(*document, name);
        jobs.push_back(
            {job.texts_or_empty("channels"),
             job.texts_or_empty("specs"),
             job.boolean_or("ok", false),
             job.texts_or_empty("packages")}
        );
        std::sort(jobs.back().files.begin(), jobs.back().files.end());
    }
    return jobs;
}

std::vector<std::string> solve_files(const Job& job, ChannelSource& channels) {
    Request request;
    for (const std::string& text : job.specs) {
        auto spec = MatchSpec::parse(text);
        EXPECT_TRUE(spec.has_value()) << text;
        request.specs.push_back({std::move(*spec), text});
    }
    const auto solution = solve(request, channels, {});
    if (!solution) {
        EXPECT_THAT(solution.error().code, ::testing::AnyOf(Code::conflict, Code::not_found));
        return {};
    }
    std::vector<std::string> files;
    for (const PackageRecord& record : solution->records) {
        files.push_back(record.file_name);
    }
    std::sort(files.begin(), files.end());
    return files;
}

void expect_the_same_answers(const std::string& name) {
    std::map<std::vector<std::string>, ChannelSource> sources;
    std::size_t same = 0;
    const std::vector<Job> jobs = read_jobs(name);
    for (const Job& job : jobs) {
        const auto [known, is_new] = sources.try_emplace(job.channels);
        if (is_new) {
            for (const std::string& channel : job.channels) {
                testing::add_channel(known->second, k_solver / "channels" / channel);
            }
        }
        const std::vector<std::string> files = solve_files(job, known->second);
        EXPECT_EQ(files.empty(), !job.is_satisfiable) << fmt::format("{}", job.specs.front());
        EXPECT_EQ(files, job.files) << job.specs.front();
        same += files == job.files ? 1U : 0U;
    }
    EXPECT_EQ(same, jobs.size());
}

class Jobs : public ::testing::TestWithParam<const char*> {};

TEST_P(Jobs, AreAnsweredAsRattlerAnswersThem) {
    if (!std::filesystem::exists(k_solver)) {
        GTEST_SKIP() << "needs the solver jobs in " << k_solver;
    }
    expect_the_same_answers(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    OfRealChannels,
    Jobs,
    ::testing::Values("jobs.jsonl", "jobs.cfunion.jsonl", "jobs.two-channels.jsonl")
);

}  // namespace
}  // namespace kiln::conda
