// Layers against the zstd program on the same bytes, in the same run. The tar to work on is named
// by KILN_BENCH_TAR (a root file system, about 170 MB); without it one is made that compresses
// alike. The large file is that tar, repeated up to KILN_BENCH_MIB (256 MiB when not set).

#include "layers/import.hpp"
#include "layers/table_of_contents.hpp"
#include "layers/tar/tar_reader.hpp"
#include "layers/tar/tar_writer.hpp"
#include "store/base/file.hpp"
#include "store/hasher.hpp"
#include "tests/support/program.hpp"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

namespace kiln {
namespace {

std::string environment(const char* name, std::string otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::move(otherwise) : std::string(value);
}

/// What the benchmarks read and write, gone at the end.
class Ground {
  public:
    Ground() {
        std::string name = (std::filesystem::temp_directory_path() / "kiln-bench-XXXXXX").string();
        ASSERT(::mkdtemp(name.data()) != nullptr);
        directory_ = name;
        tar_ = environment("KILN_BENCH_TAR", "");
        if (tar_.empty()) {
            tar_ = directory_ + "/root.tar";
            write_root_tar();
        }
        write_large();
    }

    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;

    ~Ground() { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::string path(std::string_view name) const {
        return directory_ + "/" + std::string(name);
    }

    [[nodiscard]] const std::string& tar() const { return tar_; }

    [[nodiscard]] std::string large() const { return path("large"); }

    [[nodiscard]] Fd reading(const std::string& path) const {
        return open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere).value();
    }

    [[nodiscard]] Fd writing(std::string_view name) const {
        const int flags = O_RDWR | O_CREAT | O_TRUNC;
        return open_at(AT_FDCWD, path(name), flags, Resolve::anywhere, 0600).value();
    }

  private:
    /// Eight thousand files of words that return now and then.
    void write_root_tar() const {
        const Fd fd = writing("root.tar");
        FdSink sink(fd.get());
        tar::TarWriter writer(sink);
        std::uint32_t state = 1;
        for (int file = 0; file < 8000; ++file) {
            std::string content;
            while (content.size() < 20000) {
                state = state * 1664525U + 1013904223U;
                content += fmt::format("{:x} word{} ", state, (state >> 20U) % 500);
            }
            const tar::TarEntry entry{
                .path = fmt::format("usr/share/{:05}", file),
                .mode = 0644,
                .size_bytes = content.size()};
            ASSERT(writer.append(entry).has_value());
            ASSERT(writer.write(as_bytes(content)).has_value());
        }
        ASSERT(writer.finish().has_value());
    }

    void write_large() const {
        const auto wanted = std::stoull(environment("KILN_BENCH_MIB", "256")) << 20U;
        const Fd from = reading(tar_);
        const Fd fd = writing("large");
        FdSink sink(fd.get());
        for (std::uint64_t size = 0; size < wanted;) {
            FdSource source(from.get(), 0, wanted - size);
            size += copy_all(source, sink).value();
        }
    }

    std::string directory_;
    std::string tar_;
};

Ground& ground() {
    static Ground ground;
    return ground;
}

std::int64_t size_of(const std::string& path) {
    return static_cast<std::int64_t>(std::filesystem::file_size(path));
}

void report(benchmark::State& state, std::int64_t in_bytes, std::int64_t out_bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * in_bytes);
    state.counters["out_MB"] = static_cast<double>(out_bytes) / 1e6;
}

void zstd_program(benchmark::State& state, const std::string& path) {
    for (auto _ : state) {
        const auto result = testing::run_program(
            {"zstd", "-q", "-f", "-3", "-T2", path, "-o", ground().path("peer.zst")}
        );
        if (!result || result->exit_code != 0) {
            state.SkipWithError("the zstd program is not there");
            return;
        }
    }
    report(state, size_of(path), size_of(ground().path("peer.zst")));
}

void zstd_program_large_file(benchmark::State& state) {
    zstd_program(state, ground().large());
}

void zstd_program_root_tar(benchmark::State& state) {
    zstd_program(state, ground().tar());
}

std::size_t workers() {
    return std::max(1U, std::thread::hardware_concurrency());
}

void layer_of_large_file(benchmark::State& state, Compression compression, bool known) {
    const Fd file = ground().reading(ground().large());
    const auto size = static_cast<std::uint64_t>(size_of(ground().large()));
    const std::optional<Digest> digest =
        known ? std::optional(digest_of("as the client said")) : std::nullopt;
    ThreadPool pool(workers() - 1);  // the caller is the other one
    std::uint64_t out_bytes = 0;
    for (auto _ : state) {
        const Fd blob = ground().writing("blob");
        FdSink sink(blob.get());
        LayerBuilder builder({.compression = compression}, pool, sink, {});
        FdSource source(file.get());
        ASSERT(builder.add({.path = "large", .size_bytes = size}, source, digest).has_value());
        out_bytes = builder.finish().value().layer.dress.size_bytes;
    }
    report(state, static_cast<std::int64_t>(size), static_cast<std::int64_t>(out_bytes));
}

void import_of_root_tar(benchmark::State& state, Compression compression) {
    const Fd tar = ground().reading(ground().tar());
    ThreadPool pool(workers() - 1);
    std::uint64_t out_bytes = 0;
    for (auto _ : state) {
        const Fd blob = ground().writing("blob");
        FdSink sink(blob.get());
        const ImportOptions options{.layer = {.compression = compression}};
        const auto imported = import_root_fs(tar.get(), options, pool, sink, {}).value();
        out_bytes = imported.layer.layer.dress.size_bytes;
    }
    report(state, size_of(ground().tar()), static_cast<std::int64_t>(out_bytes));
}

void headers_of_root_tar(benchmark::State& state) {
    const Fd tar = ground().reading(ground().tar());
    std::int64_t entries = 0;
    for (auto _ : state) {
        FdSource source(tar.get());
        tar::TarReader reader = tar::TarReader::open(source, {}, {}).value();
        while (reader.next().value()) {
            ++entries;
        }
    }
    state.SetItemsProcessed(entries);
}

std::vector<TableRow> rows_of(std::int64_t count) {
    std::vector<TableRow> rows;
    for (std::int64_t i = 0; i < count; ++i) {
        TableRow row;
        row.entry.path = fmt::format("srv/app/package{:04}/module{:06}.py", i / 100, i);
        row.entry.mode = 0644;
        row.entry.size_bytes = 4000;
        row.content = digest_of(row.entry.path);
        rows.push_back(std::move(row));
    }
    return rows;
}

void table_render(benchmark::State& state) {
    const auto rows = rows_of(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(TableOfContents::render(rows));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void table_open(benchmark::State& state) {
    const Bytes bytes = TableOfContents::render(rows_of(state.range(0)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(TableOfContents::open(bytes).value());
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

BENCHMARK(zstd_program_large_file)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(layer_of_large_file, zstd_known, Compression::zstd, true)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(layer_of_large_file, zstd, Compression::zstd, false)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(layer_of_large_file, gzip, Compression::gzip, false)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(layer_of_large_file, none, Compression::none, false)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(zstd_program_root_tar)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(import_of_root_tar, zstd, Compression::zstd)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(headers_of_root_tar)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(table_render)->Arg(10'000)->Arg(200'000)->Unit(benchmark::kMillisecond);
BENCHMARK(table_open)->Arg(10'000)->Arg(200'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln

BENCHMARK_MAIN();
