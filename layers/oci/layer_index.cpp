#include "layers/oci/layer_index.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/oci/hashing_source.hpp"
#include "store/base/stop.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::oci {
namespace {

using tar::EntryType;

constexpr std::string_view k_whiteout = ".wh.";
/// Moving the links of a file costs time for each; honest layers hardly do it at all.
constexpr std::size_t k_moved_links = 4'000'000;

struct ByPath {
    using is_transparent = void;

    static std::string_view key(const TableRow& row) { return row.entry.path; }

    static std::string_view key(std::string_view path) { return path; }

    template<class A, class B>
    bool operator()(const A& a, const B& b) const {
        return tar::path_less(key(a), key(b));
    }
};

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool lies_below(std::string_view path, std::string_view directory) {
    return path.size() > directory.size() && path.starts_with(directory)
           && path[directory.size()] == '/';
}

std::string_view type_name(EntryType type) {
    switch (type) {
        case EntryType::file:
        case EntryType::hardlink:
            return "a file";
        case EntryType::directory:
            return "a directory";
        case EntryType::symlink:
            return "a symbolic link";
        case EntryType::char_device:
        case EntryType::block_device:
            return "a device";
        case EntryType::fifo:
            return "a pipe";
    }
    return "a file";
}

/// The rows of a layer while its tar is read: what a path is at the end is what unpacking in the
/// order of the tar would leave there.
class Rows {
  public:
    Result<void> put(TableRow row) {
        TRY(check_parents(row.entry.path));
        if (row.entry.type == EntryType::hardlink) {
            follow_link(row.entry);
            if (row.entry.link == row.entry.path) {
                return fail(Code::invalid_input, "{} is a hard link to itself", row.entry.path);
            }
        }
        const std::string path = row.entry.path;
        const bool is_directory = row.entry.type == EntryType::directory;
        if (const auto old = rows_.find(std::string_view(path)); old != rows_.end()) {
            TRY(remove(old));
        }
        if (!is_directory) {
            // A file where a directory was: what lay below is gone.
            auto next = rows_.upper_bound(std::string_view(path));
            while (next != rows_.end() && lies_below(next->entry.path, path)) {
                TRY(remove(next));
                next = rows_.upper_bound(std::string_view(path));
            }
            checked_parent_.clear();
        }
        if (row.entry.type == EntryType::hardlink) {
            links_.emplace(row.entry.link, path);
        }
        rows_.insert(std::move(row));
        return {};
    }

    std::vector<TableRow> take() {
        std::vector<TableRow> all;
        all.reserve(rows_.size());
        while (!rows_.empty()) {
            all.push_back(std::move(rows_.extract(rows_.begin()).value()));
        }
        return all;
    }

  private:
    using Set = std::set<TableRow, ByPath>;

    /// Unpacking would write through such a parent, out of the layer perhaps.
    Result<void> check_parents(std::string_view path) {
        const std::string_view directory = parent_of(path);
        if (directory.empty() || directory == checked_parent_) {
            return {};
        }
        for (std::string_view each = directory; !each.empty(); each = parent_of(each)) {
            const auto row = rows_.find(each);
            if (row != rows_.end() && row->entry.type != EntryType::directory) {
                return fail(
                    Code::invalid_input,
                    "{} lies below {}, which is {}",
                    path,
                    each,
                    type_name(row->entry.type)
                );
            }
        }
        checked_parent_ = std::string(directory);
        return {};
    }

    /// A link to a link is a link to what that one means.
    void follow_link(tar::TarEntry& entry) const {
        const auto target = rows_.find(std::string_view(entry.link));
        if (target != rows_.end() && target->entry.type == EntryType::hardlink) {
            entry.link = target->entry.link;
        }
    }

    /// Other names of a file outlive the first: one of them becomes the file.
    Result<void> remove(Set::iterator row) {
        const auto node = rows_.extract(row);
        const TableRow& gone = node.value();
        if (gone.entry.type == EntryType::hardlink) {
            links_.erase({gone.entry.link, gone.entry.path});
            return {};
        }
        std::vector<std::string> names;
        auto link = links_.lower_bound({gone.entry.path, std::string()});
        while (link != links_.end() && link->first == gone.entry.path) {
            names.push_back(link->second);
            link = links_.erase(link);
        }
        moved_links_ += names.size();
        if (moved_links_ > k_moved_links) {
            return fail(Code::too_large, "files with many names are replaced over and over");
        }
        for (const std::string& name : names) {
            TableRow renamed = take_row(name);
            if (name == names.front()) {
                renamed = gone;
                renamed.entry.path = name;
            } else {
                renamed.entry.link = names.front();
                links_.emplace(names.front(), name);
            }
            rows_.insert(std::move(renamed));
        }
        return {};
    }

    TableRow take_row(std::string_view path) {
        return std::move(rows_.extract(rows_.find(path)).value());
    }

    Set rows_;
    std::set<std::pair<std::string, std::string>> links_;  // what is linked to, the link's path
    std::size_t moved_links_ = 0;
    std::string checked_parent_;  // nothing above it is a link or a file
};

/// image-spec layer.md, "Whiteouts": ".wh.NAME" hides NAME below, which must be a name.
Result<void> check_whiteout(std::string_view path) {
    const std::string_view name =
        path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
    if (!name.starts_with(k_whiteout)) {
        return {};
    }
    const std::string_view hidden = name.substr(k_whiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") {
        return fail(Code::invalid_input, "{} is a whiteout of nothing", path);
    }
    return {};
}

Result<TableRow> read_row(tar::TarReader& reader, tar::TarEntry entry) {
    TRY(check_whiteout(entry.path));
    if (entry.path.empty() && entry.type != EntryType::directory) {
        return fail(Code::invalid_input, "the root of the layer is {}", type_name(entry.type));
    }
    TableRow row;
    row.entry = std::move(entry);
    if (row.entry.type != EntryType::file) {
        return row;
    }
    const std::optional<std::uint64_t> offset = reader.content_offset();
    if (!offset) {
        return fail(
            Code::unsupported,
            "{} is stored sparse, which a layer must not do (image-spec layer.md)",
            row.entry.path
        );
    }
    row.content_offset = row.entry.size_bytes == 0 ? 0 : *offset;
    HashingSource content(reader.content());
    TRY(drain(content), "while reading {}", row.entry.path);
    row.content = content.digest();
    if (content.size_bytes() != row.entry.size_bytes) {
        return fail(Code::corrupt, "{} ends early in the tar", row.entry.path);
    }
    return row;
}

/// A tar that is itself compressed would give offsets into something else.
class PlainSource final : public ByteSource {
  public:
    explicit PlainSource(ByteSource& inner)
        : inner_(inner) {}

    Result<std::size_t> read(MutableByteSpan into) override {
        if (!started_) {
            TRY(start());
        }
        if (first_.empty()) {
            return inner_.read(into);
        }
        const std::size_t count = std::min(into.size(), first_.size());
        std::copy_n(first_.begin(), count, into.begin());
        first_.erase(first_.begin(), first_.begin() + static_cast<std::ptrdiff_t>(count));
        return count;
    }

  private:
    Result<void> start() {
        started_ = true;
        first_.resize(k_sniff_bytes);
        std::size_t have = 0;
        std::size_t count = 0;
        do {
            TRY_ASSIGN(count, inner_.read(MutableByteSpan(first_).subspan(have)));
            have += count;
        } while (count > 0 && have < first_.size());
        first_.resize(have);
        if (sniff_stream(first_) != StreamFormat::plain) {
            return fail(Code::corrupt, "the layer is compressed twice");
        }
        return {};
    }

    ByteSource& inner_;
    Bytes first_;
    bool started_ = false;
};

}  // namespace

Result<LayerIndex> index_layer_tar(
    ByteSource& tar, const tar::TarReaderLimits& limits, std::stop_token stop
) {
    PlainSource plain(tar);
    HashingSource hashed(plain);
    TRY_ASSIGN(auto reader, tar::TarReader::open(hashed, limits, stop));
    Rows rows;
    while (true) {
        TRY(check(stop));
        TRY_ASSIGN(auto entry, reader.next());
        if (!entry) {
            break;
        }
        TRY_ASSIGN(auto row, read_row(reader, std::move(*entry)));
        TRY(rows.put(std::move(row)));
    }
    TRY(drain(hashed));  // the padding behind the end belongs to the diff_id
    const std::vector<TableRow> all = rows.take();
    LayerIndex index;
    index.tar_bytes = hashed.size_bytes();
    index.diff_id = hashed.digest();
    index.entries = all.size();
    index.table = TableOfContents::render(all);
    return index;
}

}  // namespace kiln::oci
