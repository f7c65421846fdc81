#include "tests/layers/conda/installed/installed_image.hpp"

#include "layers/layer_reader.hpp"
#include "tests/support/matchers.hpp"
#include "tests/support/package_maker.hpp"
#include "tests/support/temp_directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kiln::testing {

InstalledImage::InstalledImage(const BuiltEnvironment& environment) {
    for (const LayerInMemory& layer : environment.layers) {
        add(layer);
    }
    auto meta = build_meta_layer(environment);
    EXPECT_THAT(meta, Succeeds());
    add(std::move(*meta));
}

InstalledImage& InstalledImage::add(LayerInMemory layer) {
    layers_.push_back(std::move(layer));
    return *this;
}

InstalledImage& InstalledImage::add_files(
    const std::vector<std::pair<std::string, std::string>>& files
) {
    auto sorted = files;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        return tar::path_less(a.first, b.first);
    });
    auto layer = build_layer([&](LayerBuilder& builder) -> Result<void> {
        for (const auto& [path, content] : sorted) {
            tar::TarEntry entry;
            entry.path = path;
            entry.mode = 0644;
            entry.size_bytes = content.size();
            TRY(builder.add(entry, as_bytes(content)));
        }
        return {};
    });
    EXPECT_THAT(layer, Succeeds());
    return add(std::move(*layer));
}

tree::FileTree InstalledImage::tree() const {
    std::vector<std::shared_ptr<const TableOfContents>> tables;
    for (const LayerInMemory& layer : layers_) {
        tables.push_back(layer.table);
    }
    return tree::FileTree(std::move(tables));
}

conda::ReadContent InstalledImage::read() const {
    return [this](const tree::Node& node) -> Result<Bytes> {
        const LayerInMemory& layer = layers_.at(node.layer);
        const Fd fd = file_of(as_text(layer.blob));
        TRY_ASSIGN(
            auto range,
            open_layer_range(
                fd.get(),
                layer.built.layer.dress,
                node.row.content_offset,
                node.row.entry.size_bytes
            )
        );
        return read_all(*range, node.row.entry.size_bytes, node.row.entry.path);
    };
}

}  // namespace kiln::testing
