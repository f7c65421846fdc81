#pragma once

#include "daemon/build/lent_files.hpp"
#include "layers/tree/file_tree.hpp"
#include "store/store.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kiln::daemon {

/// The table of a layer (by diff_id) or the listing of a context (by its own digest). Errors:
/// not_found, corrupt.
Result<std::shared_ptr<const TableOfContents>> open_table(store::Store& store, const Digest& name);

/// The dress of a layer that is read with the least work; null when the store has none of them.
const Dress* readable_dress(const LayerFacts& layer);

/// Files that a step may look at and read, without any of them being unpacked: the layers of an
/// image or stage, the listing of a build context, or a tar in a scratch file. Thread   immutable;
/// any. The store outlives it.
class SourceTree {
  public:
    static Result<std::shared_ptr<const SourceTree>> of_layers(
        store::Store& store, const std::vector<Digest>& diff_ids
    );
    /// The same with the layers' tables at hand, in the same order.
    static Result<std::shared_ptr<const SourceTree>> of_layers(
        store::Store& store,
        const std::vector<Digest>& diff_ids,
        std::vector<std::shared_ptr<const TableOfContents>> tables
    );
    /// `lent`: contents that are not in the store, or null.
    static std::shared_ptr<const SourceTree> of_listing(
        store::Store& store,
        std::shared_ptr<const TableOfContents> listing,
        std::shared_ptr<const LentFiles> lent
    );
    /// A plain tar in `file`, with its table.
    static std::shared_ptr<const SourceTree> of_tar(
        Fd file, std::shared_ptr<const TableOfContents> table
    );
    virtual ~SourceTree() = default;
    SourceTree(const SourceTree&) = delete;
    SourceTree& operator=(const SourceTree&) = delete;

    [[nodiscard]] const tree::FileTree& files() const { return files_; }

    /// The content of a file node of files().
    [[nodiscard]] virtual Result<std::unique_ptr<ByteSource>> open(const tree::Node& node
    ) const = 0;
    /// A small file as text, symlinks followed; nullopt when it is not there. Remembered, for every
    /// RUN asks for the accounts.
    [[nodiscard]] Result<std::optional<std::string>> read_text(
        std::string_view path, std::size_t limit_bytes
    ) const;

  protected:
    explicit SourceTree(std::vector<std::shared_ptr<const TableOfContents>> tables)
        : files_(std::move(tables)) {}

  private:
    [[nodiscard]] Result<std::optional<std::string>> load_text(
        std::string_view path, std::size_t limit_bytes
    ) const;

    tree::FileTree files_;
    mutable std::mutex mutex_;
    mutable std::map<std::string, std::optional<std::string>, std::less<>> texts_;
};

}  // namespace kiln::daemon
