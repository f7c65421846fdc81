#include "client/context/context_row.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace kiln::client {
namespace {

constexpr std::uint32_t k_symlink_mode = 0777;  // what the host reports differs between kernels

}  // namespace

TableRow table_row(const ContextRow& row) {
    TableRow table;
    tar::TarEntry& entry = table.entry;
    entry.path = row.walked.path;
    entry.type = tar::entry_type_of(row.walked.mode);
    entry.mode =
        entry.type == tar::EntryType::symlink ? k_symlink_mode : row.walked.mode & k_mode_bits;
    entry.link = row.link;
    entry.xattrs = row.xattrs;
    const bool is_device = S_ISCHR(row.walked.mode) || S_ISBLK(row.walked.mode);
    if (is_device) {
        entry.device_major = major(row.walked.device_number);
        entry.device_minor = minor(row.walked.device_number);
    }
    if (entry.type == tar::EntryType::file) {
        entry.size_bytes = row.walked.identity.size_bytes;
        table.content = row.content;
    }
    return table;
}

Bytes render_listing(const std::vector<ContextRow>& rows) {
    std::vector<TableRow> table;
    table.reserve(rows.size());
    for (const ContextRow& row : rows) {
        table.push_back(table_row(row));
    }
    return TableOfContents::render(table);
}

}  // namespace kiln::client
