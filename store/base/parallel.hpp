#pragma once

#include "store/base/error.hpp"
#include "store/base/pool.hpp"

#include <cstddef>
#include <functional>

namespace kiln {

/// Calls `work(i)` for every i below `count`, on the pool's threads and on the caller's, and
/// returns when all are done. The caller always works too, so it may itself be a task of the pool.
/// Errors   the one with the lowest i; the rest is then skipped where it has not begun.
Result<void> parallel_each(
    ThreadPool& pool, std::size_t count, const std::function<Result<void>(std::size_t)>& work
);

}  // namespace kiln
