#include "tests/support/check_locked_input.hpp"

#include "layers/conda/input/lock_writer.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace kiln::testing {

void check_locked_input(std::string_view text, const conda::InputOptions& options) {
    const auto lock = conda::read_conda_lock(text, "lock", options);
    if (!lock) {
        ASSERT(!lock.error().message.empty());
        return;
    }
    std::set<std::string> seen;
    for (const conda::LockEntry& entry : lock->entries) {
        ASSERT(seen.insert(entry.file_name).second);
        ASSERT(conda::dist_of(entry.file_name).has_value());
        ASSERT(!entry.sha256 || entry.sha256->size() == 64);
        ASSERT(!entry.md5 || entry.md5->size() == 32);
    }
    const std::string ours = conda::render_kiln_lock(*lock);
    if (const auto again = conda::parse_kiln_lock(ours, "lock")) {
        ASSERT(conda::render_kiln_lock(*again) == ours);
    }
    if (const auto list = conda::render_explicit_lock(*lock)) {
        const auto again = conda::parse_lock(*list, "lock");
        ASSERT(!again || again->entries.size() == lock->entries.size());
    }
    if (const auto exported = conda::render_conda_lock(*lock)) {
        const auto again =
            conda::read_conda_lock(*exported, "lock", {.platform = lock->platform.value_or("")});
        ASSERT(!again || again->entries.size() == lock->entries.size());
    }
}

}  // namespace kiln::testing
