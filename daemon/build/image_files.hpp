#pragma once

#include "layers/tree/file_tree.hpp"
#include "store/store.hpp"

#include <list>
#include <memory>
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

    /// The content of a file node of tree(), to be read before the next one is opened.
    Result<std::unique_ptr<ByteSource>> content(const tree::Node& file);

  private:
    struct OpenLayer;

    ImageFiles(store::Store& store, std::vector<LayerFacts> layers, tree::FileTree tree);
    Result<OpenLayer*> layer(std::size_t index);

    store::Store* store_;
    std::vector<LayerFacts> layers_;
    tree::FileTree tree_;
    std::list<OpenLayer> open_;  // the one read last in front
};

}  // namespace kiln::daemon
