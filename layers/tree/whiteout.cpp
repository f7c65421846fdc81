#include "layers/tree/whiteout.hpp"

namespace kiln::tree {
namespace {

constexpr std::string_view k_aufs_prefix = ".wh..wh.";

}  // namespace

NameKind kind_of(std::string_view name) {
    if (!name.starts_with(k_whiteout_prefix)) {
        return NameKind::plain;
    }
    if (name == k_opaque_name) {
        return NameKind::opaque;
    }
    if (name.starts_with(k_aufs_prefix)) {
        return NameKind::aufs;
    }
    const std::string_view target = whited_out(name);
    // ".wh.." and ".wh..." would delete the directory itself or its parent.
    const bool names_nothing = target.empty() || target == "." || target == "..";
    return names_nothing ? NameKind::nothing : NameKind::whiteout;
}

std::string_view whited_out(std::string_view name) {
    return name.substr(k_whiteout_prefix.size());
}

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string join(std::string_view directory, std::string_view name) {
    std::string path(directory);
    if (!path.empty()) {
        path += '/';
    }
    path += name;
    return path;
}

tar::TarEntry whiteout_of(std::string_view path) {
    tar::TarEntry entry;
    entry.path = join(parent_of(path), std::string(k_whiteout_prefix).append(name_of(path)));
    return entry;
}

}  // namespace kiln::tree
