#pragma once

#include "layers/tar/tar_entry.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::tree {

/// image-spec layer.md, "Whiteouts": ".wh.NAME" deletes NAME of the layers below, ".wh..wh..opq"
/// everything the layers below hold in the same directory.
inline constexpr std::string_view k_whiteout_prefix = ".wh.";
inline constexpr std::string_view k_opaque_name = ".wh..wh..opq";

enum class NameKind : std::uint8_t {
    plain,
    whiteout,  // of whited_out()
    opaque,
    aufs,     // ".wh..wh.…": bookkeeping of aufs that old layers carry; read as nothing
    nothing,  // ".wh." alone names nothing: refused by apply, ignored by the merged view
};

/// What one component of a path says.
NameKind kind_of(std::string_view name);
/// "NAME" of ".wh.NAME".
std::string_view whited_out(std::string_view name);

/// "a/b" of "a/b/c", "" of "a".
std::string_view parent_of(std::string_view path);
/// "c" of "a/b/c".
std::string_view name_of(std::string_view path);
/// "a/b"; only "b" when the directory is the root.
std::string join(std::string_view directory, std::string_view name);

/// The canonical whiteout of `path`: an empty file, mode 0, mtime 0, root's (house.md, "Layers,
/// exactly").
tar::TarEntry whiteout_of(std::string_view path);

}  // namespace kiln::tree
