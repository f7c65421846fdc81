#include "tests/support/check_lockfile.hpp"

#include "layers/conda/lockfile.hpp"

#include <algorithm>

namespace kiln::testing {

void check_lockfile(ByteSpan bytes) {
    const auto lock = conda::parse_lock(as_text(bytes), "lock");
    if (!lock) {
        ASSERT(!lock.error().message.empty());
        return;
    }
    ASSERT(lock->entries.size() <= conda::k_lock_entries);
    for (const conda::LockEntry& entry : lock->entries) {
        ASSERT(conda::dist_of(entry.file_name).has_value());
        ASSERT(entry.file_name.find('/') == std::string::npos);
        ASSERT(entry.location.find('\0') == std::string::npos);
        ASSERT(!entry.sha256 || entry.sha256->size() == 64);
        ASSERT(!entry.md5 || entry.md5->size() == 32);
        ASSERT(entry.span.line > 0 && entry.span.column > 0);
        ASSERT(entry.span.end_column > entry.span.column);
        const std::string plain = conda::without_credentials(entry.location);
        ASSERT(conda::without_credentials(plain) == plain);
    }
    const std::string text = conda::render(*lock);
    const auto again = conda::parse_lock(text, "lock");
    ASSERT(again.has_value());
    ASSERT(conda::render(*again) == text);
    ASSERT(again->platform == lock->platform);
    ASSERT(std::equal(
        lock->entries.begin(),
        lock->entries.end(),
        again->entries.begin(),
        again->entries.end(),
        [](const conda::LockEntry& a, const conda::LockEntry& b) {
            return a.as_written == b.as_written && a.kind == b.kind && a.location == b.location
                   && a.file_name == b.file_name && a.sha256 == b.sha256 && a.md5 == b.md5;
        }
    ));
}

}  // namespace kiln::testing
