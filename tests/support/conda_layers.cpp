#include "tests/support/conda_layers.hpp"

#include "layers/conda/conda_meta.hpp"
#include "layers/conda/package_layer.hpp"
#include "layers/conda/package_reader.hpp"
#include "layers/layer_reader.hpp"
#include "layers/tar/tar_reader.hpp"
#include "store/hasher.hpp"
#include "tests/support/package_maker.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kiln::testing {

namespace {

constexpr std::size_t k_blob_bytes = std::size_t{2} << 30U;

void add_entries(const LayerInMemory& layer, LayerEntries& entries) {
    const Fd fd = layer.open();
    auto tar = open_layer_tar(fd.get(), layer.built.layer.dress);
    ASSERT_TRUE(tar.has_value());
    auto reader = tar::TarReader::open(**tar, {}, {});
    ASSERT_TRUE(reader.has_value()) << reader.error().render();
    while (true) {
        auto entry = reader->next();
        ASSERT_TRUE(entry.has_value()) << entry.error().render();
        if (!*entry) {
            return;
        }
        auto content = read_all(reader->content(), k_blob_bytes, (*entry)->path);
        ASSERT_TRUE(content.has_value());
        const std::string path = (*entry)->path;
        const bool directory = (*entry)->type == tar::EntryType::directory;
        const auto [place, fresh] = entries.try_emplace(
            path, LayerEntry{std::move(**entry), std::string(as_text(*content))}
        );
        EXPECT_TRUE(fresh || directory) << path << " is there twice";
        static_cast<void>(place);
    }
}

}  // namespace

Result<OpenPackage> open_package(Fd fd, std::string file_name) {
    TRY_ASSIGN(const MappedFile bytes, MappedFile::map(fd));
    OpenPackage package;
    package.described.sha256 = digest_of(bytes.bytes());
    package.described.size_bytes = bytes.bytes().size();
    package.described.file_name = file_name;
    conda::PackageReader reader(fd.get(), std::move(file_name), {});
    TRY_ASSIGN(package.described.metadata, reader.metadata());
    package.fd = std::move(fd);
    return package;
}

Result<OpenPackage> open_package(const std::string& path) {
    TRY_ASSIGN(Fd fd, open_at(AT_FDCWD, path, O_RDONLY, Resolve::anywhere));
    return open_package(std::move(fd), path.substr(path.rfind('/') + 1));
}

std::vector<std::shared_ptr<const TableOfContents>> BuiltEnvironment::tables() const {
    std::vector<std::shared_ptr<const TableOfContents>> tables;
    for (const LayerInMemory& layer : layers) {
        tables.push_back(layer.table);
    }
    return tables;
}

LayerEntries BuiltEnvironment::entries() const {
    LayerEntries entries;
    for (const LayerInMemory& layer : layers) {
        add_entries(layer, entries);
    }
    return entries;
}

LayerEntries entries_of(const LayerInMemory& layer) {
    LayerEntries entries;
    add_entries(layer, entries);
    return entries;
}

Result<LayerInMemory> build_package_layer(
    const Fd& fd, const conda::PlannedPackage& planned, Compression compression
) {
    const auto write = [&](LayerBuilder& layer) {
        return conda::write_package_layer({.package_fd = fd.get()}, planned, layer, {});
    };
    return build_layer(write, compression);
}

Result<LayerInMemory> build_meta_layer(const BuiltEnvironment& environment) {
    std::vector<LayerInMemory> parts;
    TRY_ASSIGN(LayerInMemory head, build_layer([&](LayerBuilder& layer) {
                   return conda::write_conda_meta_head(environment.plan, layer);
               }));
    parts.push_back(std::move(head));
    for (std::size_t i = 0; i < environment.layers.size(); ++i) {
        const conda::PlannedPackage& planned = environment.plan.packages[i];
        const std::string& prefix = environment.plan.prefix;
        const conda::CondaRecord text =
            conda::render_conda_meta(planned, prefix, *environment.layers[i].table);
        TRY_ASSIGN(LayerInMemory record, build_layer([&](LayerBuilder& layer) {
                       return conda::write_conda_record(planned, prefix, text, layer);
                   }));
        parts.push_back(std::move(record));
    }
    return join_layers(parts);
}

Result<LayerInMemory> join_layers(const std::vector<LayerInMemory>& layers) {
    const auto copy_all = [&](LayerBuilder& builder) -> Result<void> {
        for (const LayerInMemory& layer : layers) {
            const Fd blob = layer.open();
            TRY(builder.copy_part(layer.as_part(blob)));
        }
        return {};
    };
    return build_layer(copy_all, layers.at(0).built.layer.dress.compression);
}

Result<BuiltEnvironment> build_environment(
    std::vector<OpenPackage> packages, const std::string& prefix, Compression compression
) {
    std::vector<conda::EnvironmentPackage> described;
    std::map<Digest, const Fd*> fds;
    for (const OpenPackage& package : packages) {
        described.push_back(package.described);
        fds[package.described.sha256] = &package.fd;
    }
    BuiltEnvironment environment;
    TRY_ASSIGN(environment.plan, conda::plan_environment(std::move(described), {.prefix = prefix}));
    for (const conda::PlannedPackage& planned : environment.plan.packages) {
        TRY_ASSIGN(
            LayerInMemory layer,
            build_package_layer(*fds.at(planned.package.sha256), planned, compression)
        );
        environment.layers.push_back(std::move(layer));
    }
    return environment;
}

}  // namespace kiln::testing
