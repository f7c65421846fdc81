// The packages of a lock to layers, cold: reading what they are, planning, and one layer a package
// with the work spread over a pool as the daemon does.
//
//     conda_bench LOCK OUTDIR [WORKERS]
//
// Prints one row a phase: name, milliseconds, bytes.

#include "layers/conda/conda_meta.hpp"
#include "layers/conda/environment_plan.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/package_reader.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kiln {
namespace {

constexpr const char* k_prefix = "/opt/env";

class Stopwatch {
  public:
    /// Milliseconds since the last call.
    double lap() {
        const auto now = std::chrono::steady_clock::now();
        const std::chrono::duration<double, std::milli> passed = now - last_;
        last_ = now;
        return passed.count();
    }

  private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct Package {
    Fd fd;
    conda::EnvironmentPackage described;
    BuiltLayer built;
};

/// Runs `work` for every index on the pool; the first failure counts.
template<class Work>
Result<void> each(ThreadPool& pool, std::size_t count, const Work& work) {
    std::vector<std::future<Result<void>>> results;
    for (std::size_t i = 0; i < count; ++i) {
        auto task =
            std::make_shared<std::packaged_task<Result<void>()>>([&work, i] { return work(i); });
        results.push_back(task->get_future());
        pool.submit([task] { (*task)(); });
    }
    Result<void> all;
    for (auto& result : results) {
        if (auto done = result.get(); !done && all) {
            all = std::move(done);
        }
    }
    return all;
}

Result<void> describe(Package& package, const conda::LockEntry& entry) {
    TRY_ASSIGN(package.fd, open_at(AT_FDCWD, entry.location, O_RDONLY, Resolve::anywhere));
    TRY_ASSIGN(const MappedFile bytes, MappedFile::map(package.fd));
    package.described.sha256 = digest_of(bytes.bytes());
    package.described.size_bytes = bytes.bytes().size();
    package.described.file_name = entry.file_name;
    if (entry.sha256 && package.described.sha256.hex() != *entry.sha256) {
        return fail(Code::digest_mismatch, "{} is not what the lock says", entry.location);
    }
    conda::PackageReader reader(package.fd.get(), entry.file_name, {});
    TRY_ASSIGN(package.described.metadata, reader.metadata());
    return {};
}

Result<void> build(
    Package& package, const conda::PlannedPackage& planned, ThreadPool& pool, int out
) {
    const std::string name = planned.package.metadata.dist() + ".tar.zst";
    TRY_ASSIGN(
        const Fd file, open_at(out, name, O_WRONLY | O_CREAT | O_TRUNC, Resolve::beneath, 0644)
    );
    FdSink blob(file.get());
    LayerBuilder layer({}, pool, blob, {});
    TRY(conda::write_package_layer(
        {.package_fd = package.fd.get(), .scratch_directory_fd = out}, planned, layer, {}
    ));
    TRY_ASSIGN(package.built, layer.finish());
    return {};
}

Result<void> run(const std::string& lock_path, const std::string& out_path, std::size_t workers) {
    Stopwatch watch;
    TRY_ASSIGN(const std::string text, read_file_at(AT_FDCWD, lock_path, conda::k_lock_bytes));
    TRY_ASSIGN(const conda::Lock lock, conda::parse_lock(text, lock_path));
    TRY_ASSIGN(const Fd out, open_directory(out_path));
    ThreadPool pool(workers);
    std::vector<Package> packages(lock.entries.size());
    TRY(each(pool, packages.size(), [&](std::size_t i) {
        return describe(packages[i], lock.entries[i]);
    }));
    std::printf("describe %9.1f\n", watch.lap());

    std::vector<conda::EnvironmentPackage> described;
    std::vector<Bytes> records;
    std::map<Digest, Package*> by_digest;
    for (Package& package : packages) {
        described.push_back(package.described);
        records.push_back(conda::render_metadata(package.described.metadata));
        by_digest[package.described.sha256] = &package;
    }
    watch.lap();
    TRY_ASSIGN(
        const auto plan, conda::plan_environment(std::move(described), {.prefix = k_prefix})
    );
    std::printf("plan     %9.1f\n", watch.lap());

    TRY(each(pool, packages.size(), [&](std::size_t i) {
        const conda::PlannedPackage& planned = plan.packages[i];
        return build(*by_digest.at(planned.package.sha256), planned, pool, out.get());
    }));
    std::uint64_t tar_bytes = 0;
    std::uint64_t blob_bytes = 0;
    for (const Package& package : packages) {
        tar_bytes += package.built.layer.tar_bytes;
        blob_bytes += package.built.layer.dress.size_bytes;
    }
    std::printf(
        "layers   %9.1f  %s of tar, %s of blobs\n",
        watch.lap(),
        render_size(tar_bytes).c_str(),
        render_size(blob_bytes).c_str()
    );

    std::vector<std::shared_ptr<const TableOfContents>> tables;
    for (const conda::PlannedPackage& planned : plan.packages) {
        Bytes table = by_digest.at(planned.package.sha256)->built.table;
        TRY_ASSIGN(auto opened, TableOfContents::open(std::move(table)));
        tables.push_back(std::move(opened));
    }
    watch.lap();
    std::uint64_t record_bytes = 0;
    for (std::size_t i = 0; i < tables.size(); ++i) {
        record_bytes +=
            conda::render_conda_meta(plan.packages[i], plan.prefix, *tables[i]).text.size();
    }
    std::printf("records  %9.1f  %s\n", watch.lap(), render_size(record_bytes).c_str());

    // Warm: all packages are known by their records.
    std::vector<conda::EnvironmentPackage> known;
    for (std::size_t i = 0; i < packages.size(); ++i) {
        conda::EnvironmentPackage package = packages[i].described;
        TRY_ASSIGN(package.metadata, conda::parse_metadata(records[i]));
        known.push_back(std::move(package));
    }
    TRY(conda::plan_environment(std::move(known), {.prefix = k_prefix}));
    std::printf("replan   %9.1f\n", watch.lap());
    return {};
}

}  // namespace
}  // namespace kiln

int main(int count, char** arguments) {
    if (count < 3) {
        std::fprintf(stderr, "usage: conda_bench LOCK OUTDIR [WORKERS]\n");
        return 2;
    }
    const std::size_t workers = count > 3 ? std::strtoul(arguments[3], nullptr, 10) : 2;
    const auto done = kiln::run(arguments[1], arguments[2], workers);
    if (!done) {
        std::fprintf(stderr, "conda_bench: %s\n", done.error().render().c_str());
        return 1;
    }
    return 0;
}
