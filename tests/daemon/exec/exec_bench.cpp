// What a RUN costs: exec_bench BASE.tar [STEPS]. Prints a line a figure; run it in the release
// preset. The base is imported into a blob with zstd, unpacked, and then stepped on.

#include "daemon/exec/sandbox.hpp"
#include "layers/import.hpp"
#include "store/base/log.hpp"
#include "tests/daemon/exec/test_layer.hpp"
#include "tests/support/temp_directory.hpp"

#include <fmt/core.h>

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

using kiln::Fd;
using kiln::Result;

class Watch {
  public:
    [[nodiscard]] double ms() const {
        const auto passed = std::chrono::steady_clock::now() - start_;
        return std::chrono::duration<double, std::milli>(passed).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Fd memory_file() {
    return Fd(::memfd_create("bench", MFD_CLOEXEC));
}

struct Base {
    Fd blob = memory_file();
    Fd table = memory_file();
    kiln::Layer layer;
};

Result<Base> import(const char* path) {
    Base base;
    TRY_ASSIGN(const Fd tar, kiln::open_at(AT_FDCWD, path, O_RDONLY, kiln::Resolve::anywhere));
    kiln::ThreadPool pool(std::thread::hardware_concurrency());
    kiln::FdSink blob(base.blob.get());
    TRY_ASSIGN(auto imported, kiln::import_root_fs(tar.get(), {}, pool, blob, {}));
    base.layer = std::move(imported.layer.layer);
    TRY(kiln::write_all(base.table.get(), imported.layer.table));
    return base;
}

Result<void> step(
    kiln::exec::Executor& executor, const Base& base, kiln::exec::Network network, bool keep
) {
    kiln::exec::RunSpec spec;
    spec.layers = {{.diff_id = base.layer.diff_id, .table_fd = base.table.get()}};
    spec.arguments = {"/bin/true"};
    spec.network = network;
    kiln::testing::TestOutput output;
    kiln::testing::TestChanges changes;
    TRY_ASSIGN(auto ended, executor.run(spec, output, {}));
    if (keep) {
        TRY(ended->diff(changes, {}));
    }
    return {};
}

Result<void> measure(const char* path, int steps) {
    TRY_ASSIGN(const Base base, import(path));
    const kiln::testing::TempDirectory directory;
    const kiln::SystemClock clock;
    kiln::Log log(STDERR_FILENO, kiln::LogLevel::warning, clock);
    kiln::exec::SandboxOptions options;
    options.directory = directory.path("unpacked");
    TRY_ASSIGN(auto executor, kiln::exec::make_sandbox(options, log));
    const Watch start;
    static_cast<void>(executor->has_layer(base.layer.diff_id));
    fmt::print("worker start         {:8.1f} ms\n", start.ms());
    const Watch unpack;
    TRY(executor->unpack(
        {.diff_id = base.layer.diff_id, .blob_fd = base.blob.get(), .dress = base.layer.dress}, {}
    ));
    fmt::print("unpack               {:8.1f} ms\n", unpack.ms());
    for (const auto& [name, network] :
         {std::pair("none", kiln::exec::Network::none),
          std::pair("host", kiln::exec::Network::host),
          std::pair("standard", kiln::exec::Network::standard)}) {
        const Watch first;
        TRY(step(*executor, base, network, true));
        fmt::print("first step {:8}  {:8.1f} ms\n", name, first.ms());
        const Watch rest;
        for (int i = 0; i < steps; ++i) {
            TRY(step(*executor, base, network, true));
        }
        fmt::print("each step  {:8}  {:8.2f} ms\n", name, rest.ms() / steps);
    }
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto code = kiln::exec::run_worker_if_asked(argc, argv)) {
        return *code;
    }
    if (argc < 2) {
        fmt::print(stderr, "usage: exec_bench BASE.tar [STEPS]\n");
        return 2;
    }
    const auto measured = measure(argv[1], argc > 2 ? std::atoi(argv[2]) : 50);
    if (!measured) {
        fmt::print(stderr, "{}\n", measured.error().render());
        return 1;
    }
    return 0;
}
