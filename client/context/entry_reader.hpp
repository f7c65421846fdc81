#pragma once

#include "client/context/context.hpp"
#include "client/context/context_row.hpp"
#include "store/base/file.hpp"

#include <stop_token>
#include <string_view>
#include <vector>

namespace kiln::client {

/// Opens a file of a context that must still be what the row says.
/// Errors   conflict when it has changed since, permission when it cannot be read: both name it.
Result<Fd> open_unchanged(int root, const ContextRow& row);
/// After the last byte was read: whether it was that file to the end.
Result<void> check_unchanged(const Fd& file, const ContextRow& row);

/// Reads what the identities do not tell (contents, link texts, xattrs) into these rows, on
/// `threads` threads; what is read twice under one identity is one state of the file.
/// Errors   as open_unchanged; cancelled.
Result<void> read_entries(
    int root,
    const std::vector<ContextRow*>& rows,
    std::size_t threads,
    const ContextObserver& observer,
    const std::stop_token& stop
);

}  // namespace kiln::client
