#include "layers/tree/diff.hpp"

#include "layers/tree/linked_files.hpp"
#include "layers/tree/whiteout.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace kiln::tree {
namespace {

struct PathLess {
    bool operator()(const std::string& a, const std::string& b) const {
        return tar::path_less(a, b);
    }
};

bool same(const Node& a, const Node& b) {
    return a.row.entry == b.row.entry && a.row.content == b.row.content;
}

bool is_directory(const Node& node) {
    return node.row.entry.type == tar::EntryType::directory;
}

/// Collects the changes by path; the order of finding them does not matter.
class TreeDiff {
  public:
    TreeDiff(const FileTree& before, const FileTree& after)
        : before_(before),
          after_(after),
          links_before_(before, ""),
          links_after_(after, "") {}

    std::vector<Node> run() {
        compare_roots();
        compare_nodes();
        compare_links();
        add_parents();
        std::vector<Node> nodes;
        for (auto& [path, node] : changes_) {
            links_after_.link_again(node);
            nodes.push_back(std::move(node));
        }
        return nodes;
    }

  private:
    void compare_roots() {
        const auto before = before_.find("");
        const auto after = after_.find("");
        if (before && after && !same(*before, *after)) {
            add(*after);
        }
    }

    void compare_nodes() {
        TreeWalk walk_before(before_, "");
        TreeWalk walk_after(after_, "");
        auto before = walk_before.next();
        auto after = walk_after.next();
        while (before || after) {
            const bool only_before =
                before && (!after || tar::path_less(before->row.entry.path, after->row.entry.path));
            const bool only_after =
                !only_before && (!before || before->row.entry.path != after->row.entry.path);
            if (only_before) {
                remove(before->row.entry.path);
                walk_before.skip_children();
            } else if (only_after || !same(*before, *after)) {
                add(*after);
            } else if (is_linked(*before, *after)) {
                still_same_.emplace(after->row.entry.path, std::pair(*before, *after));
            }
            if (!only_before && !only_after && is_directory(*before) && !is_directory(*after)) {
                walk_before.skip_children();  // what replaced the directory hides them
            }
            if (!only_after) {
                before = walk_before.next();
            }
            if (!only_before) {
                after = walk_after.next();
            }
        }
    }

    [[nodiscard]] bool is_linked(const Node& before, const Node& after) const {
        return !links_before_.names(before).empty() || !links_after_.names(after).empty();
    }

    /// A file whose content stayed may still have gained, lost or swapped names. It stands as it is
    /// below only when the names that nothing else rewrites are just its names in `after`.
    void compare_links() {
        std::set<std::string> relinked;
        for (const auto& [path, nodes] : still_same_) {
            std::vector<std::string> below;
            for (const std::string& name : links_before_.names(nodes.first)) {
                if (still_same_.contains(name)) {
                    below.push_back(name);
                }
            }
            const auto& names = links_after_.names(nodes.second);
            const bool alone = names.empty() && below.size() < 2;
            if (!alone && names != below) {
                relinked.insert(path);
                relinked.insert(names.begin(), names.end());
            }
        }
        for (const auto& [path, node] : std::map(changes_)) {
            const auto& names = links_after_.names(node);
            relinked.insert(names.begin(), names.end());
        }
        for (const std::string& path : relinked) {
            if (const auto node = after_.find(path)) {
                add(*node);
            }
        }
    }

    void add_parents() {
        std::set<std::string> parents;
        for (const auto& [path, node] : changes_) {
            for (auto at = parent_of(path); !at.empty() && parents.emplace(at).second;) {
                at = parent_of(at);
            }
        }
        for (const std::string& path : parents) {
            if (const auto node = after_.find(path)) {
                add(*node);
            }
        }
    }

    void add(const Node& node) { changes_.insert_or_assign(node.row.entry.path, node); }

    void remove(std::string_view path) {
        Node whiteout;
        whiteout.row.entry = whiteout_of(path);
        whiteout.row_index = Node::k_implied;
        changes_.insert_or_assign(whiteout.row.entry.path, std::move(whiteout));
    }

    const FileTree& before_;
    const FileTree& after_;
    LinkedFiles links_before_;
    LinkedFiles links_after_;
    std::map<std::string, Node, PathLess> changes_;
    std::map<std::string, std::pair<Node, Node>, PathLess> still_same_;  // of linked files
};

}  // namespace

std::vector<Node> diff(const FileTree& before, const FileTree& after) {
    return TreeDiff(before, after).run();
}

}  // namespace kiln::tree
