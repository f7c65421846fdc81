#include "daemon/build/copy_plan.hpp"

#include "daemon/build/copy_planner.hpp"
#include "store/hasher.hpp"

namespace kiln::daemon {
namespace {

std::string describe(const TableRow& row) {
    const tar::TarEntry& entry = row.entry;
    std::string text = fmt::format(
        "{} {:04o} {}:{} {}",
        static_cast<int>(entry.type),
        entry.mode,
        entry.uid,
        entry.gid,
        entry.mtime
    );
    if (entry.type == tar::EntryType::file) {
        text += " " + row.content.render();
    }
    if (!entry.link.empty()) {
        text += " -> " + entry.link;
    }
    for (const auto& [name, value] : entry.xattrs) {
        text += fmt::format(" {}={}", name, render_hex(as_bytes(value)));
    }
    return text;
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

std::map<std::string, std::string> CopyPlan::described() const {
    std::map<std::string, std::string> rows;
    const std::string prefix = destination_.empty() ? "" : destination_ + "/";
    for (const auto& [path, item] : items_) {
        if (item.row.entry.type != tar::EntryType::directory) {
            rows.emplace(
                path.starts_with(prefix) ? path.substr(prefix.size()) : "/" + path,
                describe(item.row)
            );
        }
    }
    return rows;
}

std::map<std::string, std::string> CopyPlan::described(const TableOfContents& table) const {
    std::map<std::string, std::string> rows;
    const std::string prefix = destination_.empty() ? "" : destination_ + "/";
    for (std::size_t i = 0; i < table.size(); ++i) {
        const TableRow row = table.row(i);
        const std::string& path = row.entry.path;
        if (row.entry.type != tar::EntryType::directory) {
            rows.emplace(
                path.starts_with(prefix) ? path.substr(prefix.size()) : "/" + path, describe(row)
            );
        }
    }
    return rows;
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
