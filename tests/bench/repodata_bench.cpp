// What it costs to know a channel: repodata_bench REPODATA SPECIFICATION… reads the file cold, then
// again by its index, and resolves the specifications.

#include "layers/conda/channel/channel_source.hpp"
#include "layers/conda/solve/solve.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <time.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kiln {
namespace {

/// Milliseconds of this process since the last call: other work on the machine does not count.
class Watch {
  public:
    double lap() {
        const double last = std::exchange(last_, now());
        return last_ - last;
    }

  private:
    static double now() {
        timespec time{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
    }

    double last_ = now();
};

Result<MappedFile> map_file(const std::string& path) {
    TRY_ASSIGN(const Fd file, open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere));
    return MappedFile::map(file);
}

/// __glibc and what else a target has, as a base image of today.
Result<std::vector<conda::PackageRecord>> virtual_packages() {
    std::vector<conda::PackageRecord> records;
    for (const auto& [name, text] :
         {std::pair("__glibc", "2.36"), std::pair("__linux", "6.1"), std::pair("__unix", "0")}) {
        conda::PackageRecord record;
        record.name = name;
        TRY_ASSIGN(record.version, conda::Version::parse(text));
        record.build = "0";
        record.is_virtual = true;
        records.push_back(std::move(record));
    }
    return records;
}

Result<conda::Solution> resolve(conda::Repodata repodata, const std::vector<std::string>& specs) {
    conda::ChannelSource source;
    TRY_ASSIGN(const auto channel, conda::Channel::from_url("https://conda.example/bench"));
    source.add(channel, "linux-64", std::make_shared<conda::WholeSubdir>(std::move(repodata)));
    conda::Request request;
    for (const std::string& text : specs) {
        TRY_ASSIGN(conda::MatchSpec spec, conda::MatchSpec::parse(text));
        request.specs.push_back({.spec = std::move(spec), .as_written = text});
    }
    TRY_ASSIGN(request.virtual_packages, virtual_packages());
    return conda::solve(request, source, {});
}

Result<void> run(const std::string& path, const std::vector<std::string>& specs) {
    Watch watch;
    TRY_ASSIGN(MappedFile file, map_file(path));
    TRY_ASSIGN(const conda::Repodata cold, conda::Repodata::read(std::move(file), path));
    fmt::print(
        "read and indexed  {:8.1f} ms  {} records, {} names, {} MiB\n",
        watch.lap(),
        cold.index().record_count(),
        cold.index().name_count(),
        cold.text().size() >> 20U
    );
    const Digest digest = digest_of(cold.text());
    fmt::print("sha256            {:8.1f} ms\n", watch.lap());
    Bytes kept = cold.index().render(digest);
    fmt::print("index rendered    {:8.1f} ms  {} KiB\n", watch.lap(), kept.size() >> 10U);
    TRY_ASSIGN(auto index, conda::RepodataIndex::open(std::move(kept), digest, cold.text().size()));
    fmt::print("index opened      {:8.1f} ms\n", watch.lap());
    if (!path.ends_with(".json")) {
        return {};
    }
    TRY_ASSIGN(MappedFile again, map_file(path));
    TRY_ASSIGN(
        const conda::Solution solution,
        resolve(conda::Repodata::with_index(std::move(again), std::move(index), path), specs)
    );
    fmt::print(
        "resolved          {:8.1f} ms  {} packages of {} candidates\n",
        watch.lap(),
        solution.records.size(),
        solution.counts.candidates
    );
    return {};
}

}  // namespace
}  // namespace kiln

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "repodata_bench REPODATA SPECIFICATION…\n");
        return 2;
    }
    const auto done = kiln::run(argv[1], {argv + 2, argv + argc});
    if (!done) {
        fmt::print(stderr, "{}\n", done.error().render());
    }
    return done ? 0 : 1;
}
