#include "layers/tree/linked_files.hpp"

namespace kiln::tree {

LinkedFiles::LinkedFiles(const FileTree& tree, std::string_view directory) {
    // Most trees have few links: only files that a link leads to are collected.
    TreeWalk links(tree, directory);
    while (const auto node = links.next()) {
        if (node->through_link) {
            files_.try_emplace(node->identity());
        }
    }
    if (files_.empty()) {
        return;
    }
    TreeWalk walk(tree, directory);
    while (const auto node = walk.next()) {
        if (const auto file = files_.find(node->identity()); file != files_.end()) {
            file->second.names.push_back(node->row.entry.path);
        }
    }
    std::erase_if(files_, [](const auto& file) { return file.second.names.size() < 2; });
}

const std::vector<std::string>& LinkedFiles::names(const Node& node) const {
    static const std::vector<std::string> k_none;
    const auto file = files_.find(node.identity());
    return file == files_.end() ? k_none : file->second.names;
}

void LinkedFiles::link_again(Node& node) {
    const auto file = files_.find(node.identity());
    if (file == files_.end()) {
        return;
    }
    std::string& first = file->second.first;
    if (first.empty()) {
        first = node.row.entry.path;
        return;
    }
    // What the file is stands with its first name; owner, mode and mtime are repeated for those who
    // list the archive.
    node.row.entry.type = tar::EntryType::hardlink;
    node.row.entry.link = first;
    node.row.entry.size_bytes = 0;
    node.row.entry.device_major = 0;
    node.row.entry.device_minor = 0;
    node.row.entry.xattrs.clear();
    node.row.content_offset = 0;
    node.row.content = Digest{};
}

}  // namespace kiln::tree
