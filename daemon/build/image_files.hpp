#pragma once

#include "layers/tree/file_tree.hpp"
#include "store/base/pool.hpp"
#include "store/store.hpp"

#include <list>
#include <map>
#include <memory>
#include <stop_token>
#include <vector>

namespace kiln::daemon {

/// The files of a stored image for who looks through it: the merged view, and contents. Layers that
/// were read last stay open, so that contents asked for in the order of a layer's tar cost one pass
/// over the frames they lie in.
/// Thread   one.
class ImageFiles {
  public:
    /// The store outlives it. Errors   not_found, corrupt: a layer or its table is not there.
    static Result<ImageFiles> open(store::Store& store, const std::vector<Digest>& diff_ids);
    ImageFiles(ImageFiles&&) noexcept;
    ImageFiles& operator=(ImageFiles&&) noexcept;
    ~ImageFiles();

    [[nodiscard]] const tree::FileTree& tree() const { return tree_; }

    [[nodiscard]] const LayerFacts& layer_facts(std::size_t layer) const {
        return layers_.at(layer);
    }

    /// The content of a file node of tree(), to be read before the next one is opened.
    Result<std::unique_ptr<ByteSource>> content(const tree::Node& file);

    /// sha256 of what the store really holds of each file, by identity(); `files` by layer and in
    /// the order of its tar. Layers side by side, each read once.
    Result<std::map<tree::Identity, Digest>> hash(
        const std::vector<tree::Node>& files, ThreadPool& pool, const std::stop_token& stop
    ) const;

  private:
    struct OpenLayer;

    ImageFiles(store::Store& store, std::vector<LayerFacts> layers, tree::FileTree tree);
    [[nodiscard]] Result<OpenLayer> open_layer(std::size_t index) const;
    Result<OpenLayer*> layer(std::size_t index);

    store::Store* store_;
    std::vector<LayerFacts> layers_;
    tree::FileTree tree_;
    std::list<OpenLayer> open_;  // the one read last in front
};

}  // namespace kiln::daemon
