#include "daemon/build/image_files.hpp"

#include "daemon/build/source_tree.hpp"
#include "layers/layer_reader.hpp"
#include "store/base/limits.hpp"
#include "store/base/parallel.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <algorithm>
#include <span>

namespace kiln::daemon {
namespace {

/// Each holds a frame of 2 MiB. Environments of a base and of the image itself take two.
constexpr std::size_t k_open_layers = 4;
constexpr std::size_t k_buffer_bytes = 256 * limits::k_kib;

/// One buffer for all: most files are small, and there may be a hundred thousand.
Result<Digest> hash_all(ByteSource& source, Bytes& buffer, const std::stop_token& stop) {
    Hasher hasher;
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(const std::size_t count, source.read(buffer));
        if (count == 0) {
            return hasher.finish();
        }
        hasher.update(ByteSpan(buffer).first(count));
    }
}

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
    TRY_ASSIGN(OpenLayer opened, open_layer(index));
    if (open_.size() == k_open_layers) {
        open_.pop_back();
    }
    open_.push_front(std::move(opened));
    return &open_.front();
}

Result<ImageFiles::OpenLayer> ImageFiles::open_layer(std::size_t index) const {
    const LayerFacts& facts = layers_.at(index);
    const Dress* const dress = readable_dress(facts);
    if (dress == nullptr) {
        return fail(Code::not_found, "the bytes of layer {} are gone", facts.diff_id.render());
    }
    TRY_ASSIGN(store::BlobReader blob, store_->blobs().open(dress->digest));
    LayerReader reader(blob.fd(), *dress);
    return OpenLayer{index, std::move(blob), std::move(reader)};
}

Result<std::map<tree::Identity, Digest>> ImageFiles::hash(
    const std::vector<tree::Node>& files, ThreadPool& pool, const std::stop_token& stop
) const {
    std::vector<std::span<const tree::Node>> by_layer;
    for (std::size_t begin = 0, end = 0; begin < files.size(); begin = end) {
        while (end < files.size() && files[end].layer == files[begin].layer) {
            ++end;
        }
        by_layer.push_back(std::span(files).subspan(begin, end - begin));
    }
    std::vector<std::map<tree::Identity, Digest>> parts(by_layer.size());
    const auto hash_layer = [&](std::size_t part) -> Result<void> {
        const std::size_t index = by_layer[part].front().layer;
        TRY_ASSIGN(OpenLayer opened, open_layer(index));
        Bytes buffer(k_buffer_bytes);
        for (const tree::Node& file : by_layer[part]) {
            const auto source =
                opened.reader.range(file.row.content_offset, file.row.entry.size_bytes);
            TRY_ASSIGN(
                const Digest digest,
                hash_all(*source, buffer, stop),
                "while reading {} of layer {}",
                file.row.entry.path,
                layers_[index].diff_id.render()
            );
            parts[part].emplace(file.identity(), digest);
        }
        return {};
    };
    TRY(parallel_each(pool, by_layer.size(), hash_layer));
    std::map<tree::Identity, Digest> digests;
    for (auto& part : parts) {
        digests.merge(part);
    }
    return digests;
}

}  // namespace kiln::daemon
