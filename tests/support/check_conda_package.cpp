#include "tests/support/check_conda_package.hpp"

#include "layers/conda/conda_meta.hpp"
#include "layers/conda/environment_plan.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/package_reader.hpp"
#include "layers/layer_builder.hpp"
#include "store/base/file.hpp"

#include <sys/mman.h>

namespace kiln::testing {

namespace {

constexpr std::size_t k_layer_bytes = std::size_t{256} << 20U;

conda::EnvironmentPackage stub_python() {
    conda::EnvironmentPackage python;
    python.file_name = "python-3.11.0-0.conda";
    python.metadata.name = "python";
    python.metadata.version = "3.11.0";
    python.metadata.build = "0";
    return python;
}

Fd file_of(ByteSpan bytes) {
    Fd fd(::memfd_create("package", MFD_CLOEXEC));
    ASSERT(fd.is_open());
    ASSERT(write_all(fd.get(), bytes).has_value());
    return fd;
}

void check_paths(const conda::PackageMetadata& metadata) {
    const std::string* before = nullptr;
    for (const conda::ManifestPath& path : metadata.paths) {
        const auto clean = tar::clean_path(path.path);
        ASSERT(clean && *clean == path.path && !path.path.empty());
        ASSERT(before == nullptr || tar::path_less(*before, path.path));
        before = &path.path;
    }
    const auto again = conda::parse_metadata(conda::render_metadata(metadata));
    ASSERT(again && *again == metadata);
}

/// What the layer holds: the prefix first, everything else below it, parents before children.
void check_table(const TableOfContents& table) {
    ASSERT(table.size() > 0 && table.path(0) == "opt/env");
    for (std::size_t i = 1; i < table.size(); ++i) {
        const std::string_view path = table.path(i);
        ASSERT(path.starts_with("opt/env/"));
        const auto parent = table.find(path.substr(0, path.rfind('/')));
        ASSERT(parent && table.row(*parent).entry.type == tar::EntryType::directory);
        const std::uint32_t mode = table.row(i).entry.mode;
        ASSERT(mode == 0644 || mode == 0755 || mode == 0777);
    }
}

}  // namespace

void check_conda_package(ByteSpan bytes) {
    const Fd fd = file_of(bytes);
    conda::PackageReader reader(fd.get(), "fuzzed.conda", {});
    auto metadata = reader.metadata();
    if (!metadata) {
        ASSERT(!metadata.error().message.empty());
        return;
    }
    check_paths(*metadata);
    conda::EnvironmentPackage package;
    package.file_name = "fuzzed.conda";
    package.metadata = std::move(*metadata);
    std::vector<conda::EnvironmentPackage> packages;
    if (package.metadata.name != "python") {
        packages.push_back(stub_python());
    }
    packages.push_back(std::move(package));
    const auto plan = conda::plan_environment(std::move(packages), {.prefix = "/opt/env"});
    if (!plan) {
        return;
    }
    ThreadPool pool(1);
    for (const conda::PlannedPackage& planned : plan->packages) {
        if (planned.package.file_name != "fuzzed.conda") {
            continue;
        }
        MemorySink blob(k_layer_bytes);
        LayerBuilder layer({.compression = Compression::none}, pool, blob, {});
        if (!conda::write_package_layer({.package_fd = fd.get()}, planned, layer, {})) {
            continue;
        }
        const auto built = layer.finish();
        if (!built) {
            continue;  // larger than this harness keeps
        }
        const auto table = TableOfContents::open(built->table);
        ASSERT(table.has_value());
        check_table(**table);
        ASSERT(json::parse(conda::render_conda_meta(planned, plan->prefix, **table).text, "record")
        );
    }
}

}  // namespace kiln::testing
