#pragma once

#include "client/context/directory_walk.hpp"
#include "layers/table_of_contents.hpp"
#include "store/digest.hpp"

#include <map>
#include <string>
#include <vector>

namespace kiln::client {

/// One entry of a context, with what had to be read to know it.
struct ContextRow {
    WalkedEntry walked;
    /// False while its stamps are so young that a later change might leave them as they are.
    bool settled = false;
    Digest content;                                  // of a file, else zero
    std::string link = {};                           // of a symlink
    std::map<std::string, std::string> xattrs = {};  // "user." ones, with full names
};

/// The row as the daemon sees it: no owner, no times, links as links, hard links as plain files.
TableRow table_row(const ContextRow& row);

/// The bytes whose digest names the context on the wire.
Bytes render_listing(const std::vector<ContextRow>& rows);

}  // namespace kiln::client
