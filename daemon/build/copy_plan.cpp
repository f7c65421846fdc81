#include "daemon/build/copy_plan.hpp"

#include "daemon/build/copy_planner.hpp"
#include "store/hasher.hpp"

#include <array>

namespace kiln::daemon {
namespace {

/// One facet of an entry, in words; "" where it says nothing.
struct Facet {
    std::string was;
    std::string is;
};

std::string render_xattrs(const std::map<std::string, std::string>& xattrs) {
    std::string text;
    for (const auto& [name, value] : xattrs) {
        text += (text.empty() ? "" : " ") + name + "=" + render_hex(as_bytes(value));
    }
    return text.empty() ? "no xattrs" : text;
}

std::string_view type_name(tar::EntryType type) {
    constexpr std::array<std::string_view, 7> k_names{
        "file", "directory", "symlink", "hard link", "character device", "block device", "fifo"};
    return k_names.at(static_cast<std::size_t>(type));
}

/// The first thing in which two rows of one path differ: content before what surrounds it.
std::optional<Facet> first_difference(const TableRow& was, const TableRow& is) {
    const tar::TarEntry& a = was.entry;
    const tar::TarEntry& b = is.entry;
    const auto facet = [](std::string before, std::string after) {
        return std::optional(Facet{std::move(before), std::move(after)});
    };
    if (a.type != b.type) {
        return facet(std::string(type_name(a.type)), std::string(type_name(b.type)));
    }
    if (was.content != is.content) {
        return facet(was.content.render(), is.content.render());
    }
    if (a.link != b.link) {
        return facet("-> " + a.link, "-> " + b.link);
    }
    if (a.mode != b.mode) {
        return facet(fmt::format("mode {:04o}", a.mode), fmt::format("mode {:04o}", b.mode));
    }
    if (a.uid != b.uid || a.gid != b.gid) {
        return facet(
            fmt::format("owner {}:{}", a.uid, a.gid), fmt::format("owner {}:{}", b.uid, b.gid)
        );
    }
    if (a.xattrs != b.xattrs) {
        return facet(render_xattrs(a.xattrs), render_xattrs(b.xattrs));
    }
    if (a.mtime != b.mtime) {
        return facet(render_time(a.mtime), render_time(b.mtime));
    }
    return std::nullopt;
}

std::string describe(const TableRow& row) {
    return row.entry.type == tar::EntryType::file ? row.content.render()
                                                  : std::string(type_name(row.entry.type));
}

/// A row as key material; rendering sorts and frames everything.
Digest digest_of_rows(std::vector<TableRow> rows) {
    for (TableRow& row : rows) {
        row.content_offset = 0;
    }
    return digest_of(TableOfContents::render(rows));
}

}  // namespace

Result<CopyPlan> CopyPlan::of_copy(
    const CopyStep& step, const CopySurroundings& surroundings, const std::stop_token& stop
) {
    return CopyPlanner(surroundings, stop).copy(step);
}

Result<CopyPlan> CopyPlan::of_workdir(
    const WorkdirStep& step, const CopySurroundings& surroundings
) {
    return CopyPlanner(surroundings, {}).workdir(step);
}

CacheKey CopyPlan::key() const {
    std::vector<TableRow> rows;
    rows.reserve(items_.size());
    for (const auto& [path, item] : items_) {
        rows.push_back(item.row);
    }
    CacheKey key(operation_);
    key.add("destination", "/" + destination_);
    key.add("files", digest_of_rows(std::move(rows)).render());
    return key;
}

std::vector<tar::TarEntry> CopyPlan::entries() const {
    std::vector<tar::TarEntry> entries;
    entries.reserve(items_.size());
    for (const auto& [path, item] : items_) {
        entries.push_back(item.row.entry);
    }
    return entries;
}

std::vector<Change> CopyPlan::compare_with(const TableOfContents& earlier) const {
    const std::string prefix = destination_.empty() ? "" : destination_ + "/";
    const auto name = [&](const std::string& path) {
        return path.starts_with(prefix) ? path.substr(prefix.size()) : "/" + path;
    };
    std::vector<Change> changes;
    for (const auto& [path, item] : items_) {
        const auto found = earlier.find(path);
        if (!found) {
            changes.push_back(Change{name(path), std::nullopt, describe(item.row)});
        } else if (const auto facet = first_difference(earlier.row(*found), item.row)) {
            changes.push_back(Change{name(path), facet->was, facet->is});
        }
    }
    for (std::size_t i = 0; i < earlier.size(); ++i) {
        const TableRow row = earlier.row(i);
        if (!items_.contains(row.entry.path)) {
            changes.push_back(Change{name(row.entry.path), describe(row), std::nullopt});
        }
    }
    return changes;
}

Result<void> CopyPlan::write(LayerBuilder& layer, const std::stop_token& stop) const {
    for (const auto& [path, item] : items_) {
        if (stop.stop_requested()) {
            return fail(Code::cancelled, "cancelled");
        }
        if (item.row.entry.type != tar::EntryType::file) {
            TRY(layer.add(item.row.entry));
        } else if (item.source == nullptr) {
            TRY(layer.add(item.row.entry, as_bytes(item.text)));
        } else {
            TRY_ASSIGN(const auto content, item.source->open(item.node), "while copying {}", path);
            TRY(layer.add(item.row.entry, *content, item.row.content), "while copying {}", path);
        }
    }
    return {};
}

}  // namespace kiln::daemon
