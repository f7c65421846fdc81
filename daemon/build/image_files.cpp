#include "daemon/build/image_files.hpp"

#include "daemon/build/source_tree.hpp"
#include "layers/layer_reader.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

/// Each holds a frame of 2 MiB. Environments of a base and of the image itself take two.
constexpr std::size_t k_open_layers = 4;

}  // namespace

struct ImageFiles::OpenLayer {
    std::size_t index;
    store::BlobReader blob;
    LayerReader reader;
};

ImageFiles::ImageFiles(store::Store& store, std::vector<LayerFacts> layers, tree::FileTree tree)
    : store_(&store),
      layers_(std::move(layers)),
      tree_(std::move(tree)) {}

ImageFiles::ImageFiles(ImageFiles&&) noexcept = default;
ImageFiles& ImageFiles::operator=(ImageFiles&&) noexcept = default;
ImageFiles::~ImageFiles() = default;

Result<ImageFiles> ImageFiles::open(store::Store& store, const std::vector<Digest>& diff_ids) {
    std::vector<LayerFacts> layers;
    std::vector<std::shared_ptr<const TableOfContents>> tables;
    for (const Digest& diff_id : diff_ids) {
        TRY_ASSIGN(auto found, store.index().find_layer(diff_id));
        if (!found) {
            return fail(Code::not_found, "layer {} is not in the store", diff_id.render());
        }
        layers.push_back(std::move(*found));
        TRY_ASSIGN(
            auto table, open_table(store, diff_id), "while opening layer {}", diff_id.render()
        );
        tables.push_back(std::move(table));
    }
    return ImageFiles(store, std::move(layers), tree::FileTree(std::move(tables)));
}

Result<std::unique_ptr<ByteSource>> ImageFiles::content(const tree::Node& file) {
    TRY_ASSIGN(OpenLayer* const opened, layer(file.layer));
    return opened->reader.range(file.row.content_offset, file.row.entry.size_bytes);
}

Result<ImageFiles::OpenLayer*> ImageFiles::layer(std::size_t index) {
    const auto known = std::find_if(open_.begin(), open_.end(), [index](const OpenLayer& each) {
        return each.index == index;
    });
    if (known != open_.end()) {
        open_.splice(open_.begin(), open_, known);
        return &open_.front();
    }
    const LayerFacts& facts = layers_.at(index);
    const Dress* const dress = readable_dress(facts);
    if (dress == nullptr) {
        return fail(Code::not_found, "the bytes of layer {} are gone", facts.diff_id.render());
    }
    TRY_ASSIGN(store::BlobReader blob, store_->blobs().open(dress->digest));
    LayerReader reader(blob.fd(), *dress);
    if (open_.size() == k_open_layers) {
        open_.pop_back();
    }
    open_.push_front(OpenLayer{index, std::move(blob), std::move(reader)});
    return &open_.front();
}

}  // namespace kiln::daemon
