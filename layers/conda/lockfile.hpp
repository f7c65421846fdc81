#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// A longer lock file is refused; one of 1,000 packages is about 150 KiB.
inline constexpr std::size_t k_lock_bytes = 4 * 1024 * 1024;
inline constexpr std::size_t k_lock_entries = 10'000;
inline constexpr std::size_t k_lock_line_bytes = 8 * 1024;

enum class LockEntryKind : std::uint8_t {
    file,  // a path as the user wrote it, or file://: whoever opened the lock opens it
    url,   // http:// or https://
};

/// One package of a lock: where it is and what its bytes must be.
struct LockEntry {
    std::string as_written;  // without the #anchor: the key of this entry on the wire
    LockEntryKind kind = LockEntryKind::url;
    std::string location;   // file: the path (file:// taken off, %XX decoded); url: the URL
    std::string file_name;  // "numpy-1.26.4-py311h64a7726_0.conda", %XX decoded
    std::optional<std::string> sha256;  // 64 lower-case hex digits
    std::optional<std::string> md5;     // 32 lower-case hex digits
    Span span;
};

/// An @EXPLICIT file (cep-23).
struct Lock {
    std::optional<std::string> platform;  // of the comment "# platform: linux-64"
    std::vector<LockEntry> entries;       // in the order written
};

/// Shape    every line that is neither empty nor a comment nor @EXPLICIT is one entry.
/// Errors   invalid_input with the place: not an @EXPLICIT file (the hint says what it looks like),
///          not a package, an anchor of another form, the same package twice; too_large.
Result<Lock> parse_lock(std::string_view text, const std::string& file);

/// The lock again: inverse of parse_lock() but for comments and empty lines.
std::string render(const Lock& lock);

/// "numpy-1.26.4-py311h64a7726_0" of a package's file name: without .conda or .tar.bz2; nullopt
/// for other names.
std::optional<std::string_view> dist_of(std::string_view file_name);

/// The URL without user:password@, /t/TOKEN and query, as conda-meta may show it (conda#5955).
std::string without_credentials(std::string_view url);

}  // namespace kiln::conda
