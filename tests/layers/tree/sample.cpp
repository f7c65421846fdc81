#include "tests/layers/tree/sample.hpp"

#include "layers/tree/whiteout.hpp"

#include <fmt/format.h>

#include <map>
#include <tuple>
#include <utility>

namespace kiln::testing {
namespace {

SampleFile entry(std::string path, tar::EntryType type, std::uint32_t mode) {
    SampleFile file;
    file.entry.path = std::move(path);
    file.entry.type = type;
    file.entry.mode = mode;
    return file;
}

}  // namespace

SampleFile directory(std::string path, std::uint32_t mode) {
    return entry(std::move(path), tar::EntryType::directory, mode);
}

SampleFile file(std::string path, std::string content) {
    SampleFile made = entry(std::move(path), tar::EntryType::file, 0644);
    made.entry.size_bytes = content.size();
    made.content = std::move(content);
    return made;
}

SampleFile symlink(std::string path, std::string text) {
    SampleFile made = entry(std::move(path), tar::EntryType::symlink, 0777);
    made.entry.link = std::move(text);
    return made;
}

SampleFile hardlink(std::string path, std::string target) {
    SampleFile made = entry(std::move(path), tar::EntryType::hardlink, 0644);
    made.entry.link = std::move(target);
    return made;
}

SampleFile whiteout(std::string_view path) {
    return {.entry = tree::whiteout_of(path), .content = {}};
}

SampleFile opaque(std::string directory) {
    return entry(tree::join(directory, tree::k_opaque_name), tar::EntryType::file, 0);
}

SampleLayer layer(std::initializer_list<SampleFile> files) {
    SampleLayer layer;
    for (const SampleFile& file : files) {
        layer.emplace(file.entry.path, file);
    }
    return layer;
}

tree::FileTree tree_of(const std::vector<SampleLayer>& layers) {
    std::vector<std::shared_ptr<const TableOfContents>> tables;
    tables.reserve(layers.size());
    for (const SampleLayer& layer : layers) {
        tables.push_back(table_of(layer));
    }
    return tree::FileTree(std::move(tables));
}

std::vector<std::string> listing(const tree::FileTree& tree) {
    std::map<std::tuple<std::size_t, std::size_t>, std::size_t> numbers;
    std::vector<std::string> lines;
    for (const tree::Node& node : tree.walk("")) {
        const tar::TarEntry& entry = node.row.entry;
        std::size_t number = 0;
        if (entry.type != tar::EntryType::directory) {
            number = numbers.try_emplace(node.identity(), numbers.size() + 1).first->second;
        }
        std::string xattrs;
        for (const auto& [name, value] : entry.xattrs) {
            xattrs += fmt::format(" {}={}", name, value);
        }
        lines.push_back(fmt::format(
            "{} type {} mode {:o} {}:{} size {} mtime {} link '{}' device {}:{} content {} file "
            "{}{}",
            entry.path,
            static_cast<int>(entry.type),
            entry.mode,
            entry.uid,
            entry.gid,
            entry.size_bytes,
            entry.mtime,
            entry.link,
            entry.device_major,
            entry.device_minor,
            node.row.content.hex().substr(0, 8),
            number,
            xattrs
        ));
    }
    return lines;
}

}  // namespace kiln::testing
