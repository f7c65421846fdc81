#include "layers/import.hpp"

#include "layers/compress/decompress.hpp"
#include "store/base/file.hpp"
#include "store/base/stop.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
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

/// What is read also goes into the spool, in the same places.
class SpoolingSource final : public ByteSource {
  public:
    SpoolingSource(ByteSource& source, int spool)
        : source_(source),
          spool_(spool) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        TRY_ASSIGN(const std::size_t count, source_.read(into));
        TRY(pwrite_all(spool_, into.first(count), offset_), "while keeping the tar for a moment");
        offset_ += count;
        return count;
    }

    Result<std::uint64_t> skip(std::uint64_t count) override {
        buffer_.resize(256UL * 1024);
        std::uint64_t skipped = 0;
        while (skipped < count) {
            const auto wanted = std::min<std::uint64_t>(buffer_.size(), count - skipped);
            TRY_ASSIGN(const std::size_t got, read(MutableByteSpan(buffer_).first(wanted)));
            if (got == 0) {
                break;
            }
            skipped += got;
        }
        return skipped;
    }

  private:
    ByteSource& source_;
    int spool_;
    std::uint64_t offset_ = 0;
    Bytes buffer_;
};

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
    std::vector<std::string> open_directories_;                // the way down to where we are
};

Result<void> RootFs::add(TarEntry entry, const std::vector<Extent>& extents) {
    const std::string_view path = entry.path;
    if (path.substr(path.rfind('/') + 1).starts_with(k_whiteout_prefix)) {
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
    const auto is_above = [path](const std::string& directory) {
        return path.size() > directory.size() && path.starts_with(directory)
               && path[directory.size()] == '/';
    };
    while (!open_directories_.empty() && !is_above(open_directories_.back())) {
        open_directories_.pop_back();
    }
    const std::size_t known = open_directories_.empty() ? 0 : open_directories_.back().size() + 1;
    for (std::size_t slash = path.find('/', known); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
        const std::string parent(path.substr(0, slash));
        if (by_path_.contains(parent)) {
            return fail(
                Code::invalid_input, "{} lies below {}, which is no directory", path, parent
            );
        }
        TRY(builder.add({.path = parent, .type = EntryType::directory, .mode = 0755, .mtime = epoch}
        ));
        open_directories_.push_back(parent);
    }
    return {};
}

Result<void> RootFs::emit_node(LayerBuilder& builder, std::size_t index, int tar) {
    const std::size_t end = origin(index);
    const Node& node = nodes_[end];
    TarEntry entry = node.entry;
    entry.path = nodes_[index].entry.path;
    if (first_names_[end]) {
        // Names of one file agree in everything but the name.
        entry.type = EntryType::hardlink;
        entry.size_bytes = 0;
        entry.device_major = 0;
        entry.device_minor = 0;
        entry.link = nodes_[*first_names_[end]].entry.path;
        return builder.add(entry);
    }
    first_names_[end] = index;
    if (entry.type == EntryType::directory && !entry.path.empty()) {
        open_directories_.push_back(entry.path);
    }
    ExtentSource content(tar, node.extents, entry.size_bytes);
    return builder.add(entry, content);
}

Result<ImportedRoot> build(
    TarReader& reader,
    int tar,
    const ImportOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    const std::stop_token& stop
) {
    RootFs root;
    TRY(root.scan(reader));
    LayerBuilder builder(options.layer, pool, blob, stop);
    TRY(root.emit(builder, tar, options.epoch, stop));
    ImportedRoot imported;
    TRY_ASSIGN(imported.layer, builder.finish());
    imported.notices = reader.notices();
    return imported;
}

}  // namespace

Result<ImportedRoot> import_root_fs(
    ByteSource& tar,
    int spool,
    const ImportOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    std::stop_token stop
) {
    TRY_ASSIGN(const auto plain, decompress(tar, options.limits.stream));
    SpoolingSource spooling(*plain, spool);
    TarReader reader = TarReader::open_plain(spooling, options.limits, stop);
    return build(reader, spool, options, pool, blob, stop);
}

Result<ImportedRoot> import_root_fs_file(
    int tar,
    int spool,
    const ImportOptions& options,
    ThreadPool& pool,
    ByteSink& blob,
    std::stop_token stop
) {
    Bytes first(k_sniff_bytes);
    TRY_ASSIGN(const std::size_t count, pread_some(tar, first, 0));
    FdSource source(tar);
    if (sniff_stream(ByteSpan(first).first(count)) != StreamFormat::plain) {
        return import_root_fs(source, spool, options, pool, blob, std::move(stop));
    }
    TarReader reader = TarReader::open_plain(source, options.limits, stop);
    return build(reader, tar, options, pool, blob, stop);
}

}  // namespace kiln
