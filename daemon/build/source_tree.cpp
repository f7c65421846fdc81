#include "daemon/build/source_tree.hpp"

#include "layers/layer_reader.hpp"

namespace kiln::daemon {
namespace {

using Tables = std::vector<std::shared_ptr<const TableOfContents>>;

/// A source that owns the file it reads.
class OwningSource final : public ByteSource {
  public:
    OwningSource(std::shared_ptr<const void> owner, std::unique_ptr<ByteSource> inner)
        : owner_(std::move(owner)),
          inner_(std::move(inner)) {}

    Result<std::size_t> read(MutableByteSpan into) override { return inner_->read(into); }

  private:
    std::shared_ptr<const void> owner_;
    std::unique_ptr<ByteSource> inner_;
};

class LayeredTree final : public SourceTree {
  public:
    LayeredTree(store::Store& store, std::vector<LayerFacts> layers, Tables tables)
        : SourceTree(std::move(tables)),
          store_(store),
          layers_(std::move(layers)) {}

    Result<std::unique_ptr<ByteSource>> open(const tree::Node& node) const override {
        const LayerFacts& layer = layers_.at(node.layer);
        const Dress* best = readable_dress(layer);
        if (best == nullptr) {
            return fail(Code::not_found, "the bytes of layer {} are gone", layer.diff_id.render());
        }
        TRY_ASSIGN(store::BlobReader opened, store_.blobs().open(best->digest));
        const auto blob = std::make_shared<const store::BlobReader>(std::move(opened));
        TRY_ASSIGN(
            auto range,
            open_layer_range(blob->fd(), *best, node.row.content_offset, node.row.entry.size_bytes)
        );
        return std::make_unique<OwningSource>(blob, std::move(range));
    }

  private:
    store::Store& store_;
    std::vector<LayerFacts> layers_;
};

class ListedTree final : public SourceTree {
  public:
    ListedTree(store::Store& store, Tables tables, std::shared_ptr<const LentFiles> lent)
        : SourceTree(std::move(tables)),
          store_(store),
          lent_(std::move(lent)) {}

    Result<std::unique_ptr<ByteSource>> open(const tree::Node& node) const override {
        if (lent_ && lent_->contains(node.row.content)) {
            return LentFiles::open(lent_, node.row.content);
        }
        TRY_ASSIGN(store::Content opened, store_.packs().open(node.row.content));
        const auto content = std::make_shared<const store::Content>(std::move(opened));
        auto range =
            std::make_unique<FdSource>(content->file->get(), content->offset, content->size_bytes);
        return std::make_unique<OwningSource>(content, std::move(range));
    }

  private:
    store::Store& store_;
    std::shared_ptr<const LentFiles> lent_;
};

class TarTree final : public SourceTree {
  public:
    TarTree(Fd file, Tables tables)
        : SourceTree(std::move(tables)),
          file_(std::move(file)) {}

    Result<std::unique_ptr<ByteSource>> open(const tree::Node& node) const override {
        return std::make_unique<FdSource>(
            file_.get(), node.row.content_offset, node.row.entry.size_bytes
        );
    }

  private:
    Fd file_;
};

}  // namespace

Result<std::shared_ptr<const TableOfContents>> open_table(store::Store& store, const Digest& name) {
    TRY_ASSIGN(MappedFile file, store.tables().open(name));
    return TableOfContents::open(std::move(file));
}

const Dress* readable_dress(const LayerFacts& layer) {
    // Any will do; the framed ones can be read from the middle.
    const Dress* best = nullptr;
    for (const Dress& dress : layer.dresses) {
        const bool direct = dress.compression == Compression::none || !dress.frames.frames.empty();
        if (best == nullptr || direct) {
            best = &dress;
        }
    }
    return best;
}

Result<std::shared_ptr<const SourceTree>> SourceTree::of_layers(
    store::Store& store, const std::vector<Digest>& diff_ids
) {
    Tables tables;
    for (const Digest& diff_id : diff_ids) {
        TRY_ASSIGN(
            auto table, open_table(store, diff_id), "while opening layer {}", diff_id.render()
        );
        tables.push_back(std::move(table));
    }
    return of_layers(store, diff_ids, std::move(tables));
}

Result<std::shared_ptr<const SourceTree>> SourceTree::of_layers(
    store::Store& store, const std::vector<Digest>& diff_ids, Tables tables
) {
    std::vector<LayerFacts> layers;
    for (const Digest& diff_id : diff_ids) {
        TRY_ASSIGN(auto found, store.index().find_layer(diff_id));
        if (!found) {
            return fail(Code::not_found, "layer {} is not in the store", diff_id.render());
        }
        layers.push_back(std::move(*found));
    }
    return std::make_shared<LayeredTree>(store, std::move(layers), std::move(tables));
}

std::shared_ptr<const SourceTree> SourceTree::of_listing(
    store::Store& store,
    std::shared_ptr<const TableOfContents> listing,
    std::shared_ptr<const LentFiles> lent
) {
    return std::make_shared<ListedTree>(store, Tables{std::move(listing)}, std::move(lent));
}

std::shared_ptr<const SourceTree> SourceTree::of_tar(
    Fd file, std::shared_ptr<const TableOfContents> table
) {
    return std::make_shared<TarTree>(std::move(file), Tables{std::move(table)});
}

Result<std::optional<std::string>> SourceTree::read_text(
    std::string_view path, std::size_t limit_bytes
) const {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = texts_.find(path); found != texts_.end()) {
            return found->second;
        }
    }
    TRY_ASSIGN(auto text, load_text(path, limit_bytes));
    const std::lock_guard lock(mutex_);
    return texts_.emplace(path, std::move(text)).first->second;
}

Result<std::optional<std::string>> SourceTree::load_text(
    std::string_view path, std::size_t limit_bytes
) const {
    TRY_ASSIGN(const std::string resolved, files_.resolve(path, tree::FileTree::Last::follow));
    const auto node = files_.find(resolved);
    if (!node || node->row.entry.type != tar::EntryType::file) {
        return std::optional<std::string>();
    }
    TRY_ASSIGN(const auto source, open(*node));
    TRY_ASSIGN(const Bytes bytes, read_all(*source, limit_bytes, path));
    return std::optional(std::string(as_text(bytes)));
}

}  // namespace kiln::daemon
