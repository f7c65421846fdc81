#include "daemon/build/copy_planner.hpp"

#include "layers/compress/decompress.hpp"
#include "layers/dockerfile/pattern.hpp"
#include "layers/oci/layer_index.hpp"
#include "layers/tree/whiteout.hpp"
#include "store/base/stop.hpp"
#include "store/hasher.hpp"

#include <algorithm>

namespace kiln::daemon {
namespace {

using tar::EntryType;
using tree::FileTree;
using tree::Node;

bool is_directory(const Node& node) {
    return node.row.entry.type == EntryType::directory;
}

}  // namespace

Result<CopyPlan> CopyPlanner::copy(const CopyStep& step) {
    step_ = &step;
    tree_ = surroundings_.source;
    plan_.operation_ = step.unpack_archives ? "add/1" : "copy/1";
    TRY_ASSIGN(excludes_, dockerfile::IgnoreRules::from_patterns(step.excludes));
    if (step.owner) {
        TRY_ASSIGN(owner_, resolve_owner(*surroundings_.below, *step.owner));
    }
    std::vector<std::pair<const CopySource*, std::vector<Matched>>> all;
    std::size_t count = step.inline_files.size();
    bool any_directory = false;
    for (const CopySource& source : step.sources) {
        TRY_ASSIGN(std::vector<Matched> matched, match(source));
        count += matched.size();
        for (const Matched& each : matched) {
            any_directory = any_directory || is_directory(each.node);
        }
        all.emplace_back(&source, std::move(matched));
    }
    TRY(settle_destination(step, count, any_directory));
    for (const auto& [source, matched] : all) {
        for (const Matched& each : matched) {
            TRY(add_source(each, *source));
        }
    }
    for (const InlineFile& file : step.inline_files) {
        TRY(add_inline(file));
    }
    link_names();
    return std::move(plan_);
}

void CopyPlanner::link_names() {
    std::map<std::tuple<const SourceTree*, std::size_t, std::size_t>, const std::string*> first;
    for (auto& [path, item] : plan_.items_) {
        if (item.source == nullptr) {
            continue;
        }
        const auto [layer, row] = item.node.identity();
        const auto [found, is_first] =
            first.emplace(std::tuple(item.source.get(), layer, row), &path);
        if (!is_first) {
            item.row.entry.type = EntryType::hardlink;
            item.row.entry.link = *found->second;
            item.row.entry.size_bytes = 0;
            item.row.content = Digest();
            item.source = nullptr;
        }
    }
}

Result<CopyPlan> CopyPlanner::workdir(const WorkdirStep& step) {
    plan_.operation_ = "workdir/1";
    TRY_ASSIGN(const std::string path, real_directory(step.path.substr(1)));
    plan_.destination_ = path;
    if (path.empty() || surroundings_.below->files().find(path)) {
        return std::move(plan_);
    }
    TRY_ASSIGN(const Identity owner, resolve_user(*surroundings_.below, step.user));
    TRY(ensure_directory(path, owner));
    return std::move(plan_);
}

Error CopyPlanner::absent(const CopySource& source) const {
    return Error{
        .code = Code::not_found,
        .message = fmt::format("{} is not in {}", source.path, surroundings_.source_name),
        .where = source.span,
        .hint = surroundings_.explain_absence ? surroundings_.explain_absence(source.path)
                                              : std::string()};
}

Result<Node> CopyPlanner::follow(const std::string& path, const CopySource& source) {
    auto resolved = tree_->files().resolve(path, FileTree::Last::follow);
    if (!resolved) {
        return fail(std::move(resolved).error().with_where(source.span));
    }
    auto node = tree_->files().find(*resolved);
    if (!node) {
        return fail(absent(source));
    }
    return std::move(*node);
}

Result<std::vector<CopyPlanner::Matched>> CopyPlanner::match(const CopySource& source) {
    std::vector<Matched> found;
    if (tree_ == nullptr) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} needs a build context, and none was given", source.path),
            .where = source.span});
    }
    if (dockerfile::has_wildcards(source.path)) {
        TRY(match_wildcards(source, found));
        if (found.empty()) {
            return fail(absent(source));
        }
        return found;
    }
    TRY_ASSIGN(Node node, follow(source.path, source));
    if (source.trailing_slash && !is_directory(node)) {
        return fail(Error{
            .code = Code::invalid_input,
            .message = fmt::format("{} is not a directory", source.path),
            .where = source.span});
    }
    found.push_back(Matched{std::move(node), std::string(tree::name_of(source.path))});
    return found;
}

Result<void> CopyPlanner::match_wildcards(const CopySource& source, std::vector<Matched>& found) {
    tree::TreeWalk walk(tree_->files(), "");
    const auto depth = [](std::string_view path) {
        return std::count(path.begin(), path.end(), '/');
    };
    const auto wanted_depth = depth(source.path);
    while (const auto node = walk.next()) {
        const std::string path = node->row.entry.path;
        if (depth(path) == wanted_depth) {
            auto matches = dockerfile::glob_match(source.path, path);
            if (!matches) {
                return fail(std::move(matches).error().with_where(source.span));
            }
            if (*matches) {
                TRY_ASSIGN(Node target, follow(path, source));
                found.push_back(Matched{std::move(target), std::string(tree::name_of(path))});
            }
            walk.skip_children();
        }
    }
    return {};
}

Result<void> CopyPlanner::settle_destination(
    const CopyStep& step, std::size_t matched, bool any_directory
) {
    into_directory_ = step.into_directory;
    if (matched > 1 && !into_directory_) {
        return fail(Error{
            .code = Code::invalid_input,
            .message =
                fmt::format("{} files match, so {} must end in '/'", matched, step.destination),
            .where = step.sources.empty() ? std::nullopt : std::optional(step.sources.front().span)}
        );
    }
    const std::string wanted = step.destination.substr(1);
    TRY_ASSIGN(plan_.destination_, real_directory(wanted));
    if (!step.link && !into_directory_ && !any_directory) {
        const auto existing = surroundings_.below->files().find(plan_.destination_);
        into_directory_ = existing && is_directory(*existing);
    }
    if (plan_.destination_.empty()) {
        into_directory_ = true;
    }
    return {};
}

Result<std::string> CopyPlanner::real_directory(const std::string& path) {
    if (step_ != nullptr && step_->link) {
        return path;  // an independent layer looks at nothing below it
    }
    const auto known = real_.find(path);
    if (known != real_.end()) {
        return known->second;
    }
    TRY_ASSIGN(
        std::string resolved, surroundings_.below->files().resolve(path, FileTree::Last::follow)
    );
    real_.emplace(path, resolved);
    return resolved;
}

Result<void> CopyPlanner::add_source(const Matched& matched, const CopySource& source) {
    const EntryType type = matched.node.row.entry.type;
    if (type == EntryType::directory) {
        return add_directory(matched.node);
    }
    if (step_->unpack_archives && type == EntryType::file) {
        TRY_ASSIGN(const bool unpacked, add_archive(matched.node));
        if (unpacked) {
            return {};
        }
    }
    if (excludes_.match(source.path).ignored) {
        return {};
    }
    const std::string target =
        into_directory_ ? tree::join(plan_.destination_, matched.name) : plan_.destination_;
    return add_node(matched.node, target);
}

Result<void> CopyPlanner::add_directory(const Node& directory) {
    const Identity owner = owner_.value_or(Identity{});
    if (!plan_.destination_.empty()) {
        TRY(ensure_directory(plan_.destination_, owner));
    }
    const std::string root = directory.row.entry.path;
    tree::TreeWalk walk(tree_->files(), root);
    while (const auto node = walk.next()) {
        TRY(check(stop_));
        const std::string& path = node->row.entry.path;
        const std::string relative = root.empty() ? path : path.substr(root.size() + 1);
        if (!excludes_.empty() && excludes_.match(relative).ignored) {
            if (is_directory(*node) && !excludes_.may_contain_exceptions(relative)) {
                walk.skip_children();
            }
            continue;
        }
        TRY(add_node(*node, tree::join(plan_.destination_, relative)));
    }
    return {};
}

Result<bool> CopyPlanner::add_archive(const Node& file) {
    TRY_ASSIGN(const auto content, tree_->open(file));
    Bytes head(512);
    TRY_ASSIGN(const std::size_t count, content->read(head));
    head.resize(count);
    const bool plain_tar = count > 262 && as_text(head).substr(257, 5) == "ustar";
    if (!plain_tar && sniff_stream(head) == StreamFormat::plain) {
        return false;
    }
    TRY_ASSIGN(
        Fd spool,
        open_at(surroundings_.scratch_directory, ".", O_TMPFILE | O_RDWR, Resolve::beneath, 0600)
    );
    TRY_ASSIGN(const auto again, tree_->open(file));
    TRY_ASSIGN(const auto plain, decompress(*again));
    FdSink sink(spool.get());
    TRY(copy_all(*plain, sink));
    FdSource tar(spool.get());
    auto index = oci::index_layer_tar(tar, {}, stop_);
    if (!index) {
        if (index.error().code == Code::corrupt) {
            return false;  // compressed, but no tar: a file like any other
        }
        return fail(std::move(index).error().with_trail("while unpacking " + file.row.entry.path));
    }
    TRY_ASSIGN(auto table, TableOfContents::open(std::move(index->table)));
    const auto outer = std::exchange(tree_, SourceTree::of_tar(std::move(spool), std::move(table)));
    from_archive_ = true;
    const auto root = tree_->files().find("");
    const Result<void> added = add_directory(root.value_or(Node{}));
    from_archive_ = false;
    tree_ = outer;
    TRY(added);
    return true;
}

Result<void> CopyPlanner::add_inline(const InlineFile& file) {
    CopyPlan::Item item;
    item.row.entry.path =
        into_directory_ ? tree::join(plan_.destination_, file.name) : plan_.destination_;
    item.row.entry.mode = 0644;
    item.row.entry.size_bytes = file.text.size();
    item.row.content = digest_of(file.text);
    item.text = file.text;
    return put(std::move(item));
}

Result<void> CopyPlanner::add_node(const Node& node, const std::string& target) {
    CopyPlan::Item item;
    item.row = node.row;
    item.row.entry.path = target;
    item.node = node;
    if (node.row.entry.type == EntryType::directory) {
        TRY_ASSIGN(item.row.entry.path, real_directory(target));
    } else {
        TRY_ASSIGN(const std::string parent, real_directory(std::string(tree::parent_of(target))));
        item.row.entry.path = tree::join(parent, tree::name_of(target));
    }
    if (node.row.entry.type == EntryType::file) {
        item.source = tree_;
    }
    return put(std::move(item));
}

void CopyPlanner::set_times_and_mode(tar::TarEntry& entry) const {
    if (surroundings_.timestamps == Timestamps::fixed && !from_archive_) {
        entry.mtime = surroundings_.epoch;
    }
    if (step_ != nullptr && step_->mode && entry.type != EntryType::symlink && !from_archive_) {
        const bool directory = entry.type == EntryType::directory;
        entry.mode = step_->mode->apply(
            entry.mode,
            directory ? dockerfile::FileMode::Kind::directory : dockerfile::FileMode::Kind::file
        );
    }
}

Result<void> CopyPlanner::put(CopyPlan::Item item) {
    tar::TarEntry& entry = item.row.entry;
    if (owner_) {
        entry.uid = owner_->uid;
        entry.gid = owner_->gid;
    }
    set_times_and_mode(entry);
    item.row.content_offset = 0;
    TRY(ensure_directory(std::string(tree::parent_of(entry.path)), owner_.value_or(Identity{})));
    const bool independent = step_ != nullptr && step_->link;
    const auto existing =
        independent ? std::nullopt : surroundings_.below->files().find(entry.path);
    const bool clash = existing && is_directory(*existing) != (entry.type == EntryType::directory);
    if (clash) {
        return fail(Error{
            .code = Code::invalid_input,
            .message =
                is_directory(*existing)
                    ? fmt::format("/{} is a directory; a file can't take its place", entry.path)
                    : fmt::format("/{} is a file; a directory can't take its place", entry.path),
            .where = step_->sources.empty() ? std::nullopt
                                            : std::optional(step_->sources.front().span)});
    }
    const std::string path = entry.path;
    plan_.items_.insert_or_assign(path, std::move(item));
    return {};
}

Result<void> CopyPlanner::ensure_directory(const std::string& path, const Identity& owner) {
    if (path.empty() || plan_.items_.contains(path)) {
        return {};
    }
    const bool independent = step_ != nullptr && step_->link;
    const auto existing = independent ? std::nullopt : surroundings_.below->files().find(path);
    if (independent && !tree::parent_of(plan_.destination_).empty()
        && std::string_view(plan_.destination_).starts_with(path + "/")) {
        return {};  // what lies above an independent layer's destination is the image's own affair
    }
    TRY(ensure_directory(std::string(tree::parent_of(path)), owner));
    CopyPlan::Item item;
    if (existing) {
        if (!is_directory(*existing)) {
            return fail(Code::invalid_input, "/{} is not a directory", path);
        }
        item.row.entry = existing->row.entry;
        item.row.entry.path = path;
    } else {
        item.row.entry.path = path;
        item.row.entry.type = EntryType::directory;
        item.row.entry.mode = 0755;
        item.row.entry.uid = owner.uid;
        item.row.entry.gid = owner.gid;
        item.row.entry.mtime = surroundings_.epoch;
    }
    plan_.items_.emplace(path, std::move(item));
    return {};
}

}  // namespace kiln::daemon
