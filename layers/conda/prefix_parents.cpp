#include "layers/conda/prefix_parents.hpp"

#include "layers/conda/package_layer.hpp"

#include <fmt/format.h>

namespace kiln::conda {

namespace {

Error in_the_way(
    const std::string& prefix, const std::string& path, const tree::FileTree& base, bool symlink
) {
    Error error{
        .code = Code::invalid_input,
        .message = fmt::format(
            "the prefix {} needs the directory /{}, which the base has as a {}",
            prefix,
            path,
            symlink ? "symlink" : "file"
        )};
    const auto leads_to = base.resolve(prefix.substr(1), tree::FileTree::Last::follow);
    if (symlink && leads_to) {
        error.hint = fmt::format("choose the prefix /{}", *leads_to);
    } else {
        error.hint = "choose another prefix";
    }
    return error;
}

}  // namespace

Result<std::vector<std::string>> missing_parents(
    const std::string& prefix, const tree::FileTree& base
) {
    const std::string whole = prefix.substr(1);
    std::vector<std::string> missing;
    for (std::size_t end = whole.find('/');; end = whole.find('/', end + 1)) {
        const std::string path = whole.substr(0, end);
        const auto node = base.find(path);
        if (node && node->row.entry.type != tar::EntryType::directory) {
            const bool symlink = node->row.entry.type == tar::EntryType::symlink;
            return fail(in_the_way(prefix, path, base, symlink));
        }
        if (end == std::string::npos) {
            return missing;
        }
        if (!node) {
            missing.push_back(path);
        }
    }
}

Result<void> write_parents_layer(const std::vector<std::string>& parents, LayerBuilder& layer) {
    for (const std::string& parent : parents) {
        tar::TarEntry entry;
        entry.path = parent;
        entry.type = tar::EntryType::directory;
        entry.mode = 0755;
        entry.mtime = k_made_mtime;
        TRY(layer.add(entry));
    }
    return {};
}

}  // namespace kiln::conda
