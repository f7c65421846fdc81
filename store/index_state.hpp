#pragma once

#include "store/index.hpp"
#include "store/index_database.hpp"

#include <memory>
#include <mutex>

namespace kiln::store {

/// Two connections: lookups never wait for a commit that waits for the disk.
struct Index::State {
    std::unique_ptr<Database> writer;
    std::unique_ptr<Database> reader;
    std::mutex writing;
    std::mutex reading;
};

}  // namespace kiln::store
