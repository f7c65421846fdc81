#include "layers/tree/merged_level.hpp"

#include "layers/tree/whiteout.hpp"
#include "store/base/limits.hpp"

#include <algorithm>

namespace kiln::tree {
namespace {

using Range = TableOfContents::Range;

/// The component of a row's path that names a child of the directory.
std::string_view component(const TableOfContents& table, std::size_t row, std::size_t prefix) {
    const std::string_view rest = table.path(row).substr(prefix);
    return rest.substr(0, rest.find('/'));
}

/// The first row in `rows` for which `before` is false; it is true for those in front of it only.
template<class Before>
std::size_t partition_row(Range rows, Before before) {
    while (rows.begin < rows.end) {
        const std::size_t middle = rows.begin + (rows.end - rows.begin) / 2;
        if (before(middle)) {
            rows.begin = middle + 1;
        } else {
            rows.end = middle;
        }
    }
    return rows.begin;
}

std::size_t first_row_of(
    const TableOfContents& table, Range rows, std::size_t prefix, std::string_view name
) {
    return partition_row(rows, [&](std::size_t row) {
        return component(table, row, prefix) < name;
    });
}

/// One past the last row of `name`, which rows.begin belongs to. Gallops, so that a leaf costs one
/// look and a large directory the logarithm of its size.
std::size_t end_of_child(
    const TableOfContents& table, Range rows, std::size_t prefix, std::string_view name
) {
    std::size_t inside = rows.begin;
    for (std::size_t step = 1; inside + step < rows.end; step *= 2) {
        if (component(table, inside + step, prefix) != name) {
            rows.end = inside + step;
            break;
        }
        inside += step;
    }
    return partition_row({inside + 1, rows.end}, [&](std::size_t row) {
        return component(table, row, prefix) == name;
    });
}

bool is_row_of(const TableOfContents& table, std::size_t row, std::size_t path_bytes) {
    return table.path(row).size() == path_bytes;
}

/// The row of exactly `name`, if the layer has it.
std::optional<std::size_t> exact_row(
    const TableOfContents& table, Range rows, std::size_t prefix, std::string_view name
) {
    const std::size_t row = first_row_of(table, rows, prefix, name);
    const bool exact = row < rows.end && table.path(row).substr(prefix) == name;
    return exact ? std::optional(row) : std::nullopt;
}

/// An opaque marker hides what lower layers hold in the same directory, at any depth.
void drop_below_opaque(Tables tables, MergedLevel& level) {
    for (std::size_t i = level.ranges.size(); i-- > 1;) {
        const LayerRange& range = level.ranges[i];
        if (exact_row(*tables[range.layer], range.rows, level.prefix_bytes(), k_opaque_name)) {
            level.ranges.erase(
                level.ranges.begin(), level.ranges.begin() + static_cast<std::ptrdiff_t>(i)
            );
            return;
        }
    }
}

bool is_directory(Tables tables, std::size_t layer, std::size_t row) {
    return tables[layer]->row(row).entry.type == tar::EntryType::directory;
}

/// What the groups of one path (bottom first, hidden ones already gone) look like together.
Child merge(Tables tables, std::span<const Group> groups, std::string path) {
    Child child{
        .layer = groups.back().layer,
        .row_index = Node::k_implied,
        .is_directory = true,
        .level = {.path = std::move(path), .ranges = {}}};
    for (std::size_t i = groups.size(); i-- > 0;) {
        const Group& group = groups[i];
        if (group.exact && !is_directory(tables, group.layer, *group.exact)) {
            if (i + 1 == groups.size()) {
                child.row_index = *group.exact;
                child.is_directory = false;
            }
            break;  // a directory above it hides it, and it hides all below
        }
        if (group.exact && child.row_index == Node::k_implied) {
            child.layer = group.layer;
            child.row_index = *group.exact;
        }
        if (group.below.begin < group.below.end) {
            child.level.ranges.push_back({group.layer, group.below});
        }
    }
    std::reverse(child.level.ranges.begin(), child.level.ranges.end());
    drop_below_opaque(tables, child.level);
    return child;
}

Group group_at(
    const TableOfContents& table, std::size_t layer, Range child, std::size_t path_bytes
) {
    Group group{.layer = layer, .exact = std::nullopt, .below = child};
    if (is_row_of(table, child.begin, path_bytes)) {
        group.exact = child.begin;
        ++group.below.begin;
    }
    return group;
}

}  // namespace

Child root_of(Tables tables, std::size_t count) {
    std::vector<Group> groups;
    for (std::size_t layer = 0; layer < count; ++layer) {
        Group group{.layer = layer, .exact = tables[layer]->find(""), .below = {}};
        if (group.exact && !is_directory(tables, layer, *group.exact)) {
            group.exact.reset();  // nothing can replace the root
        }
        group.below = tables[layer]->below("");
        groups.push_back(group);
    }
    if (groups.empty()) {
        return {.layer = 0, .row_index = Node::k_implied, .is_directory = true, .level = {}};
    }
    return merge(tables, groups, "");
}

std::optional<Child> child_of(Tables tables, const MergedLevel& level, std::string_view name) {
    if (kind_of(name) != NameKind::plain) {
        return std::nullopt;
    }
    const std::size_t prefix = level.prefix_bytes();
    const std::string whiteout = std::string(k_whiteout_prefix).append(name);
    std::vector<Group> groups;
    for (std::size_t i = level.ranges.size(); i-- > 0;) {
        const auto& [layer, rows] = level.ranges[i];
        const TableOfContents& table = *tables[layer];
        const std::size_t row = first_row_of(table, rows, prefix, name);
        if (row < rows.end && component(table, row, prefix) == name) {
            const std::size_t end = end_of_child(table, {row, rows.end}, prefix, name);
            groups.push_back(group_at(table, layer, {row, end}, prefix + name.size()));
        }
        if (exact_row(table, rows, prefix, whiteout)) {
            break;
        }
    }
    if (groups.empty()) {
        return std::nullopt;
    }
    std::reverse(groups.begin(), groups.end());
    return merge(tables, groups, join(level.path, name));
}

std::optional<Child> locate(Tables tables, std::size_t count, std::string_view path) {
    std::optional<Child> at = root_of(tables, count);
    while (at && !path.empty()) {
        const std::size_t slash = path.find('/');
        at = child_of(tables, at->level, path.substr(0, slash));
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    return at;
}

std::optional<Node> node_of(Tables tables, const Child& child, std::string_view path) {
    Node node{.row = {}, .layer = child.layer, .row_index = child.row_index};
    if (child.row_index == Node::k_implied) {
        node.row.entry.type = tar::EntryType::directory;
        node.row.entry.mode = 0755;
        node.row.entry.path = path;
        return node;
    }
    node.row = tables[node.layer]->row(node.row_index);
    for (std::size_t hops = 0; node.row.entry.type == tar::EntryType::hardlink; ++hops) {
        if (hops == limits::k_symlinks_followed) {
            return std::nullopt;
        }
        const std::string target = std::move(node.row.entry.link);
        if (const auto own = tables[node.layer]->find(target)) {
            node.row_index = *own;
        } else if (const auto below = locate(tables, node.layer, target)) {
            node.layer = below->layer;
            node.row_index = below->row_index;
        } else {
            return std::nullopt;
        }
        if (node.row_index == Node::k_implied) {
            return std::nullopt;
        }
        node.row = tables[node.layer]->row(node.row_index);
        node.through_link = true;
    }
    if (node.through_link && node.row.entry.type == tar::EntryType::directory) {
        return std::nullopt;
    }
    node.row.entry.path = path;
    return node;
}

LevelCursor::LevelCursor(Tables tables, MergedLevel level)
    : tables_(tables),
      level_(std::move(level)) {
    const std::size_t prefix = level_.prefix_bytes();
    for (std::size_t i = 0; i < level_.ranges.size(); ++i) {
        const auto& [layer, rows] = level_.ranges[i];
        const TableOfContents& table = *tables_[layer];
        std::size_t row = i == 0 ? rows.end : first_row_of(table, rows, prefix, k_whiteout_prefix);
        for (; row < rows.end; ++row) {
            const std::string_view name = component(table, row, prefix);
            if (!name.starts_with(k_whiteout_prefix)) {
                break;
            }
            if (kind_of(name) == NameKind::whiteout
                && is_row_of(table, row, prefix + name.size())) {
                whiteouts_.emplace_back(whited_out(name), layer);
            }
        }
        push(i);
    }
    // Of equal names the topmost layer comes first, which is the one that lower_bound finds.
    std::sort(whiteouts_.begin(), whiteouts_.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first < b.first : a.second > b.second;
    });
}

bool LevelCursor::later(const Head& a, const Head& b) {
    return a.name != b.name ? a.name > b.name : a.range > b.range;
}

void LevelCursor::push(std::size_t range) {
    const auto& [layer, rows] = level_.ranges[range];
    if (rows.begin < rows.end) {
        heap_.push_back({component(*tables_[layer], rows.begin, level_.prefix_bytes()), range});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
}

std::vector<Group> LevelCursor::take() {
    const std::string_view name = heap_.front().name;
    const auto whiteout = std::lower_bound(
        whiteouts_.begin(),
        whiteouts_.end(),
        name,
        [](const auto& a, std::string_view b) { return a.first < b; }
    );
    const bool deleted = whiteout != whiteouts_.end() && whiteout->first == name;
    const std::size_t lowest = deleted ? whiteout->second : 0;
    std::vector<Group> groups;
    std::vector<std::size_t> moved;
    while (!heap_.empty() && heap_.front().name == name) {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const std::size_t index = heap_.back().range;
        heap_.pop_back();
        auto& [layer, rows] = level_.ranges[index];
        const TableOfContents& table = *tables_[layer];
        const std::size_t prefix = level_.prefix_bytes();
        const std::size_t end = end_of_child(table, rows, prefix, name);
        if (layer >= lowest) {
            groups.push_back(group_at(table, layer, {rows.begin, end}, prefix + name.size()));
        }
        rows.begin = end;
        moved.push_back(index);
    }
    for (const std::size_t index : moved) {
        push(index);
    }
    return groups;
}

std::optional<std::pair<std::string_view, Child>> LevelCursor::next() {
    while (!heap_.empty()) {
        const std::string_view name = heap_.front().name;
        const std::vector<Group> groups = take();
        if (groups.empty() || kind_of(name) != NameKind::plain) {
            continue;
        }
        return std::pair(name, merge(tables_, groups, join(level_.path, name)));
    }
    return std::nullopt;
}

}  // namespace kiln::tree
