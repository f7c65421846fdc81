#pragma once

#include "store/index_database.hpp"

#include <optional>
#include <vector>

namespace kiln::store {

/// All rows, each through `read`.
template<class Record>
Result<std::vector<Record>> read_all_rows(
    Statement& rows, Result<Record> (*read)(const Statement& row)
) {
    std::vector<Record> records;
    while (true) {
        TRY_ASSIGN(const bool row, rows.step());
        if (!row) {
            return records;
        }
        TRY_ASSIGN(records.emplace_back(), read(rows));
    }
}

template<class Record>
Result<std::optional<Record>> read_one(
    Statement& rows, Result<Record> (*read)(const Statement& row)
) {
    TRY_ASSIGN(const bool found, rows.step());
    if (!found) {
        return std::optional<Record>();
    }
    TRY_ASSIGN(Record record, read(rows));
    return std::optional(std::move(record));
}

}  // namespace kiln::store
