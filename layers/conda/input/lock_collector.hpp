#pragma once

#include "layers/conda/lockfile.hpp"
#include "store/base/error.hpp"

#include <cstddef>
#include <map>
#include <string>

namespace kiln::conda {

/// Adds a package to the lock, or does nothing when the very same stands there already; virtual
/// packages go to the inputs.
/// Errors   invalid_input: another build of that name, or a text that could not stand in one line;
///          too_large.
class LockCollector {
  public:
    explicit LockCollector(Lock& lock)
        : lock_(lock) {}

    Result<void> add(LockEntry entry);
    Result<void> add(PipEntry entry);

  private:
    Lock& lock_;
    std::map<std::string, std::size_t> conda_;
    std::map<std::string, std::size_t> pip_;
};

}  // namespace kiln::conda
