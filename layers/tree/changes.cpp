#include "layers/tree/changes.hpp"

#include <utility>

namespace kiln::tree {
namespace {

std::vector<Aspect> differing(const Node& a, const Node& b) {
    const tar::TarEntry& before = a.row.entry;
    const tar::TarEntry& after = b.row.entry;
    std::vector<Aspect> aspects;
    const auto note = [&aspects](bool differs, Aspect aspect) {
        if (differs) {
            aspects.push_back(aspect);
        }
    };
    note(before.type != after.type, Aspect::type);
    if (aspects.empty()) {
        const bool other_device =
            before.device_major != after.device_major || before.device_minor != after.device_minor;
        note(a.row.content != b.row.content || other_device, Aspect::content);
        note(before.link != after.link, Aspect::target);
    }
    // The mode of a symlink means nothing, and archives disagree about it.
    const bool symlink =
        before.type == tar::EntryType::symlink || after.type == tar::EntryType::symlink;
    note(before.mode != after.mode && !symlink, Aspect::mode);
    note(before.uid != after.uid || before.gid != after.gid, Aspect::owner);
    note(before.xattrs != after.xattrs, Aspect::xattrs);
    return aspects;
}

}  // namespace

Result<void> each_change(
    const FileTree& before, const FileTree& after, const FileChangeSink& sink
) {
    TreeWalk walk_before(before, "");
    TreeWalk walk_after(after, "");
    auto was = walk_before.next();
    auto is = walk_after.next();
    while (was || is) {
        const bool removed =
            was && (!is || tar::path_less(was->row.entry.path, is->row.entry.path));
        const bool added =
            !removed && (!was || tar::path_less(is->row.entry.path, was->row.entry.path));
        FileChange change;
        if (!removed && !added) {
            change.aspects = differing(*was, *is);
        }
        if (!added) {
            change.before = std::exchange(was, walk_before.next());
        }
        if (!removed) {
            change.after = std::exchange(is, walk_after.next());
        }
        if (removed || added || !change.aspects.empty()) {
            TRY(sink(change));
        }
    }
    return {};
}

}  // namespace kiln::tree
