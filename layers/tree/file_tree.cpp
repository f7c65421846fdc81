#include "layers/tree/file_tree.hpp"

#include "layers/tree/merged_level.hpp"
#include "layers/tree/whiteout.hpp"
#include "store/base/limits.hpp"

#include <algorithm>
#include <utility>

namespace kiln::tree {
namespace {

/// Symlink resolution, one component at a time. `levels_` holds the directories that exist on the
/// way, the root first; names beyond them do not exist and are only collected.
class Resolution {
  public:
    Resolution(Tables tables, std::string_view path)
        : tables_(tables),
          asked_(path) {
        levels_.push_back(root_of(tables, tables.size()).level);
    }

    Result<std::string> run(FileTree::Last last) {
        expect(asked_);
        while (!expected_.empty()) {
            const std::string name = std::move(expected_.back());
            expected_.pop_back();
            TRY(step(name, last));
        }
        std::string path;
        for (const std::string& name : done_) {
            path = join(path, name);
        }
        if (path.size() > limits::k_path_bytes) {
            return fail(Code::invalid_input, "{} leads to a path that is too long", asked_);
        }
        return path;
    }

  private:
    /// Puts the components of a text in front of what is still to come.
    void expect(std::string_view text) {
        std::vector<std::string> names;
        while (!text.empty()) {
            const std::size_t slash = text.find('/');
            const std::string_view name = text.substr(0, slash);
            if (!name.empty() && name != ".") {
                names.emplace_back(name);
            }
            text = slash == std::string_view::npos ? std::string_view{} : text.substr(slash + 1);
        }
        expected_.insert(expected_.end(), names.rbegin(), names.rend());
    }

    Result<void> step(const std::string& name, FileTree::Last last) {
        if (name == "..") {
            leave();
            return {};
        }
        const bool parent_exists = done_.size() + 1 == levels_.size();
        const auto child =
            parent_exists ? child_of(tables_, levels_.back(), name) : std::optional<Child>{};
        const auto node =
            child ? node_of(tables_, *child, join(levels_.back().path, name)) : std::nullopt;
        done_.push_back(name);
        if (!node) {
            return {};
        }
        if (child->is_directory) {
            levels_.push_back(child->level);
            return {};
        }
        const tar::TarEntry& entry = node->row.entry;
        const bool is_last = expected_.empty();
        if (entry.type != tar::EntryType::symlink) {
            if (!is_last) {
                return fail(Code::invalid_input, "{} is not a directory", entry.path);
            }
            return {};
        }
        if (is_last && last == FileTree::Last::keep) {
            return {};
        }
        if (++links_ > limits::k_symlinks_followed) {
            return fail(Code::invalid_input, "{} has too many levels of symlinks", asked_);
        }
        done_.pop_back();
        if (entry.link.starts_with('/')) {
            done_.clear();
            levels_.resize(1);
        }
        expect(entry.link);
        return {};
    }

    /// "..", which at the root stays there.
    void leave() {
        if (done_.empty()) {
            return;
        }
        done_.pop_back();
        levels_.resize(std::min(levels_.size(), done_.size() + 1));
    }

    Tables tables_;
    std::string asked_;
    std::vector<std::string> expected_;  // the next component is the last element
    std::vector<std::string> done_;
    std::vector<MergedLevel> levels_;
    std::size_t links_ = 0;
};

}  // namespace

FileTree::FileTree(std::vector<std::shared_ptr<const TableOfContents>> layers)
    : layers_(std::move(layers)) {}

std::optional<Node> FileTree::find(std::string_view path) const {
    const auto child = locate(layers_, layers_.size(), path);
    return child ? node_of(layers_, *child, path) : std::nullopt;
}

Result<std::string> FileTree::resolve(std::string_view path, Last last) const {
    return Resolution(layers_, path).run(last);
}

std::vector<Node> FileTree::list(std::string_view directory) const {
    std::vector<Node> nodes;
    const auto at = locate(layers_, layers_.size(), directory);
    if (!at || !at->is_directory) {
        return nodes;
    }
    LevelCursor cursor(layers_, at->level);
    while (const auto child = cursor.next()) {
        if (auto node = node_of(layers_, child->second, join(directory, child->first))) {
            nodes.push_back(std::move(*node));
        }
    }
    return nodes;
}

std::vector<Node> FileTree::walk(std::string_view directory) const {
    std::vector<Node> nodes;
    TreeWalk walk(*this, directory);
    while (auto node = walk.next()) {
        nodes.push_back(std::move(*node));
    }
    return nodes;
}

struct TreeWalk::State {
    Tables tables;
    std::vector<LevelCursor> open = {};                  // the directories above the next node
    std::optional<MergedLevel> entering = std::nullopt;  // the directory that was given last
};

TreeWalk::TreeWalk(const FileTree& tree, std::string_view directory)
    : state_(std::make_unique<State>(State{.tables = tree.layers()})) {
    if (auto at = locate(tree.layers(), tree.layers().size(), directory); at && at->is_directory) {
        state_->entering = std::move(at->level);
    }
}

TreeWalk::~TreeWalk() = default;

std::optional<Node> TreeWalk::next() {
    if (state_->entering) {
        state_->open.emplace_back(state_->tables, std::move(*state_->entering));
        state_->entering.reset();
    }
    while (!state_->open.empty()) {
        auto child = state_->open.back().next();
        if (!child) {
            state_->open.pop_back();
            continue;
        }
        auto node =
            node_of(state_->tables, child->second, join(state_->open.back().path(), child->first));
        if (!node) {
            continue;
        }
        if (child->second.is_directory) {
            state_->entering = std::move(child->second.level);
        }
        return node;
    }
    return std::nullopt;
}

void TreeWalk::skip_children() {
    state_->entering.reset();
}

}  // namespace kiln::tree
