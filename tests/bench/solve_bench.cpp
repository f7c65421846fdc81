// What the solver takes for each of the jobs that rattler answered, over channels that are loaded:
//   solve_bench ../shared/conda/solver
// Time of the thread, so that neighbours count for little.

#include "layers/conda/solve/solve.hpp"
#include "store/base/json.hpp"
#include "tests/support/folder_channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace kiln::conda {
namespace {

double thread_ms() {
    struct timespec now {};

    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

using Channels = std::map<std::vector<std::string>, ChannelSource>;

Result<double> solve_job(
    const std::string& line, const std::filesystem::path& folder, Channels& loaded
) {
    TRY_ASSIGN(const json::Value document, json::parse(line, "job"));
    json::ObjectReader job(document, "job");
    const auto names = job.texts_or_empty("channels");
    const auto [source, is_new] = loaded.try_emplace(names);
    for (const std::string& name : is_new ? names : std::vector<std::string>()) {
        testing::add_channel(source->second, folder / "channels" / name);
    }
    const double began = thread_ms();
    Request request;
    for (const std::string& text : job.texts_or_empty("specs")) {
        TRY_ASSIGN(MatchSpec spec, MatchSpec::parse(text));
        request.specs.push_back({std::move(spec), text});
    }
    static_cast<void>(solve(request, source->second, {}));  // a refusal is an answer too
    return thread_ms() - began;
}

Result<void> measure(const std::filesystem::path& folder) {
    Channels loaded;
    std::vector<double> times_ms;
    for (const char* name : {"jobs.jsonl", "jobs.cfunion.jsonl", "jobs.two-channels.jsonl"}) {
        std::ifstream in(folder / name);
        for (std::string line; std::getline(in, line);) {
            TRY_ASSIGN(const double took_ms, solve_job(line, folder, loaded), "in {}", name);
            times_ms.push_back(took_ms);
        }
    }
    if (times_ms.empty()) {
        return fail(Code::not_found, "there are no jobs in {}", folder.string());
    }
    std::sort(times_ms.begin(), times_ms.end());
    const std::size_t count = times_ms.size();
    fmt::print(
        "{} jobs: median {:.2f} ms, nine tenths under {:.2f} ms, longest {:.2f} ms\n",
        count,
        times_ms[count / 2],
        times_ms[count * 9 / 10],
        times_ms.back()
    );
    return {};
}

}  // namespace
}  // namespace kiln::conda

int main(int count, char** words) {
    const char* const folder = count > 1 ? words[1] : "../shared/conda/solver";
    const auto measured = kiln::conda::measure(std::filesystem::absolute(folder));
    if (!measured) {
        fmt::print(stderr, "{}\n", measured.error().message);
        return 1;
    }
    return 0;
}
