#include "layers/import.hpp"

#include "store/base/file.hpp"
#include "store/base/stop.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace kiln {
namespace {

using tar::EntryType;
using tar::Extent;
using tar::TarEntry;
using tar::TarReader;

constexpr std::string_view k_whiteout_prefix = ".wh.";

/// The content of one entry out of the tar, its holes as zeros.
class ExtentSource final : public ByteSource {
  public:
    ExtentSource(int tar, const std::vector<Extent>& extents, std::uint64_t size_bytes)
        : tar_(tar),
          extents_(extents),
          size_(size_bytes) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        while (next_ < extents_.size() && position_ >= end_of(extents_[next_])) {
            ++next_;
        }
        const bool more = next_ < extents_.size();
        const bool hole = !more || position_ < extents_[next_].file_offset;
        const std::uint64_t end = !more  ? size_
                                  : hole ? extents_[next_].file_offset
                                         : end_of(extents_[next_]);
        into = into.first(std::min<std::uint64_t>(into.size(), end - position_));
        if (hole) {
            std::fill(into.begin(), into.end(), std::byte{0});
        } else {
            const Extent& extent = extents_[next_];
            TRY(pread_exact(tar_, into, extent.tar_offset + position_ - extent.file_offset));
        }
        position_ += into.size();
        return into.size();
    }

  private:
    static std::uint64_t end_of(const Extent& extent) {
        return extent.file_offset + extent.size_bytes;
    }

    int tar_;
    const std::vector<Extent>& extents_;
    std::uint64_t size_;
    std::uint64_t position_ = 0;
    std::size_t next_ = 0;
};

/// The directories that lead down to where an import is.
class DirectoryStack {
  public:
    /// Those above `path` that were not entered, outermost first; they count as entered now.
    std::vector<std::string> enter_parents(std::string_view path) {
        const auto is_above = [path](const std::string& directory) {
            return path.size() > directory.size() && path.starts_with(directory)
                   && path[directory.size()] == '/';
        };
        while (!entered_.empty() && !is_above(entered_.back())) {
            entered_.pop_back();
        }
        std::vector<std::string> missing;
        const std::size_t known = entered_.empty() ? 0 : entered_.back().size() + 1;
        for (std::size_t slash = path.find('/', known); slash != std::string_view::npos;
             slash = path.find('/', slash + 1)) {
            missing.emplace_back(path.substr(0, slash));
        }
        entered_.insert(entered_.end(), missing.begin(), missing.end());
        return missing;
    }

    void enter(const std::string& directory) {
        if (!directory.empty()) {
            entered_.push_back(directory);
        }
    }

  private:
    std::vector<std::string> entered_;
};

TarEntry missing_directory(std::string path, UnixSeconds epoch) {
    return {.path = std::move(path), .type = EntryType::directory, .mode = 0755, .mtime = epoch};
}

/// One more name of a file: names of one file agree in everything but the name.
TarEntry further_name(TarEntry entry, std::string path, std::string first_name) {
    entry.path = std::move(path);
    entry.type = EntryType::hardlink;
    entry.size_bytes = 0;
    entry.device_major = 0;
    entry.device_minor = 0;
    entry.link = std::move(first_name);
    return entry;
}

bool is_whiteout(std::string_view path) {
    return path.substr(path.rfind('/') + 1).starts_with(k_whiteout_prefix);
}

struct Node {
    TarEntry entry;
    std::vector<Extent> extents;
    std::optional<std::size_t> target;  // of a hard link
    bool replaced = false;              // by a later entry of the same name
};

/// All entries of the tar, with hard links bound to what they meant where they stood.
class RootFs {
  public:
    Result<void> scan(TarReader& reader) {
        while (true) {
            TRY_ASSIGN(auto entry, reader.next());
            if (!entry) {
                break;
            }
            TRY(add(std::move(*entry), reader.extents()));
        }
        return bind_links();
    }

    /// In canonical order, parents first.
    Result<void> emit(
        LayerBuilder& builder, int tar, UnixSeconds epoch, const std::stop_token& stop
    ) {
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (!nodes_[i].replaced) {
                order.push_back(i);
            }
        }
        std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
            return tar::path_less(nodes_[a].entry.path, nodes_[b].entry.path);
        });
        first_names_.assign(nodes_.size(), std::nullopt);
        for (const std::size_t index : order) {
            TRY(check(stop));
            TRY(add_parents(builder, nodes_[index].entry.path, epoch));
            TRY(emit_node(builder, index, tar));
        }
        return {};
    }

  private:
    Result<void> add(TarEntry entry, const std::vector<Extent>& extents);
    Result<void> bind_links();
    Result<void> add_parents(LayerBuilder& builder, std::string_view path, UnixSeconds epoch);
    Result<void> emit_node(LayerBuilder& builder, std::size_t index, int tar);
    [[nodiscard]] std::size_t origin(std::size_t index) const;

    std::vector<Node> nodes_;
    std::map<std::string, std::size_t, std::less<>> by_path_;  // hostile names can't slow it down
    std::vector<std::optional<std::size_t>> first_names_;      // of an origin, in canonical order
    DirectoryStack directories_;
};

Result<void> RootFs::add(TarEntry entry, const std::vector<Extent>& extents) {
    const std::string_view path = entry.path;
    if (is_whiteout(path)) {
        return fail(
            Code::invalid_input,
            "{} marks something as deleted, but below a root file system there is nothing",
            path
        );
    }
    Node node{.entry = std::move(entry), .extents = extents, .target = std::nullopt};
    if (node.entry.type == EntryType::hardlink) {
        const auto found = by_path_.find(node.entry.link);
        if (found != by_path_.end()) {
            node.target = found->second;
        }
    }
    const std::size_t index = nodes_.size();
    const auto [at, fresh] = by_path_.try_emplace(node.entry.path, index);
    if (!fresh) {
        nodes_[at->second].replaced = true;
        at->second = index;
    }
    nodes_.push_back(std::move(node));
    return {};
}

Result<void> RootFs::bind_links() {
    for (Node& node : nodes_) {
        if (node.entry.type != EntryType::hardlink || node.target) {
            continue;
        }
        const auto found = by_path_.find(node.entry.link);
        if (found == by_path_.end()) {
            return fail(
                Code::invalid_input,
                "{} is a hard link to {}, which the archive lacks",
                node.entry.path,
                node.entry.link
            );
        }
        node.target = found->second;
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const Node& end = nodes_[origin(i)];
        if (end.target) {
            return fail(
                Code::invalid_input,
                "{} is a hard link that leads back to itself",
                nodes_[i].entry.path
            );
        }
        if (nodes_[i].target && end.entry.type == EntryType::directory) {
            return fail(
                Code::invalid_input,
                "{} is a hard link to {}, a directory",
                nodes_[i].entry.path,
                end.entry.path
            );
        }
    }
    return {};
}

/// What a chain of hard links ends at; itself a hard link only when the chain is a ring.
std::size_t RootFs::origin(std::size_t index) const {
    for (std::size_t steps = 0; nodes_[index].target && steps < nodes_.size(); ++steps) {
        index = *nodes_[index].target;
    }
    return index;
}

Result<void> RootFs::add_parents(LayerBuilder& builder, std::string_view path, UnixSeconds epoch) {
    for (std::string& parent : directories_.enter_parents(path)) {
        if (by_path_.contains(parent)) {
            return fail(
                Code::invalid_input, "{} lies below {}, which is no directory", path, parent
            );
        }
        TRY(builder.add(missing_directory(std::move(parent), epoch)));
    }
    return {};
}

Result<void> RootFs::emit_node(LayerBuilder& builder, std::size_t index, int tar) {
    const std::size_t end = origin(index);
    const Node& node = nodes_[end];
    TarEntry entry = node.entry;
    entry.path = nodes_[index].entry.path;
    if (first_names_[end]) {
        std::string path = entry.path;
        return builder.add(
            further_name(std::move(entry), std::move(path), nodes_[*first_names_[end]].entry.path)
        );
    }
    first_names_[end] = index;
    if (entry.type == EntryType::directory) {
        directories_.enter(entry.path);
    }
    ExtentSource content(tar, node.extents, entry.size_bytes);
    return builder.add(entry, content);
}

/// Entries that stand in the tar as they shall in the layer.
class OrderedRootFs {
  public:
    OrderedRootFs(LayerBuilder& builder, UnixSeconds epoch)
        : builder_(builder),
          epoch_(epoch) {}

    /// False: the entry does not fit behind those before it.
    Result<bool> take(TarEntry entry, ByteSource& content) {
        const bool in_order = !last_ || tar::path_less(last_->path, entry.path);
        if (!in_order || is_whiteout(entry.path) || lies_below_a_file(entry.path)) {
            return false;
        }
        if (entry.type == EntryType::hardlink) {
            const TarEntry* file = find(entry.link);
            if (file == nullptr) {
                return false;
            }
            entry = further_name(*file, std::move(entry.path), file->path);
        }
        for (std::string& parent : directories_.enter_parents(entry.path)) {
            TRY(builder_.add(missing_directory(std::move(parent), epoch_)));
        }
        if (entry.type == EntryType::directory) {
            directories_.enter(entry.path);
        }
        TRY(builder_.add(entry, content));
        last_ = entry;
        if (entry.type != EntryType::directory && entry.type != EntryType::hardlink) {
            files_.push_back(std::move(entry));
        }
        return true;
    }

  private:
    [[nodiscard]] bool lies_below_a_file(std::string_view path) const {
        return last_ && last_->type != EntryType::directory && path.size() > last_->path.size()
               && path.starts_with(last_->path) && path[last_->path.size()] == '/';
    }

    /// What a hard link may mean here: a first name.
    [[nodiscard]] const TarEntry* find(std::string_view path) const {
        const auto at = std::lower_bound(
            files_.begin(),
            files_.end(),
            path,
            [](const TarEntry& file, std::string_view wanted) {
                return tar::path_less(file.path, wanted);
            }
        );
        return at != files_.end() && at->path == path ? &*at : nullptr;
    }

    LayerBuilder& builder_;
    UnixSeconds epoch_;
    DirectoryStack directories_;
    std::optional<TarEntry> last_;
    std::vector<TarEntry> files_;  // in canonical order
};

}  // namespace

Result<ImportedRoot> import_root_fs(
    int tar,
    const ImportOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    const std::stop_token& stop
) {
    FdSource source(tar);
    TarReader reader = TarReader::open_plain(source, options.limits, stop);
    RootFs root;
    TRY(root.scan(reader));
    LayerBuilder builder(options.layer, pool, blob, stop);
    TRY(root.emit(builder, tar, options.epoch, stop));
    ImportedRoot imported;
    TRY_ASSIGN(imported.layer, builder.finish());
    imported.notices = reader.notices();
    return imported;
}

Result<std::optional<ImportedRoot>> import_ordered_root_fs(
    ByteSource& tar,
    const ImportOptions& options,
    const std::function<bool(const tar::TarEntry&)>& wanted,
    ThreadPool& pool,
    ByteSink& blob,
    const std::stop_token& stop
) {
    TarReader reader = TarReader::open_plain(tar, options.limits, stop);
    LayerBuilder builder(options.layer, pool, blob, stop);
    OrderedRootFs root(builder, options.epoch);
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(auto entry, reader.next());
        if (!entry) {
            break;
        }
        if (!wanted(*entry)) {
            return std::optional<ImportedRoot>();
        }
        TRY_ASSIGN(const bool taken, root.take(std::move(*entry), reader.content()));
        if (!taken) {
            return std::optional<ImportedRoot>();
        }
    }
    ImportedRoot imported;
    TRY_ASSIGN(imported.layer, builder.finish());
    imported.notices = reader.notices();
    return std::optional(std::move(imported));
}

}  // namespace kiln
