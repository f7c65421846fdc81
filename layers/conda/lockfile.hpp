#pragma once

#include "store/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::conda {

/// A longer lock file is refused; one of 1,000 packages is about 150 KiB.
inline constexpr std::size_t k_lock_bytes = 4UL * 1024 * 1024;
inline constexpr std::size_t k_lock_entries = 10'000;
inline constexpr std::size_t k_lock_line_bytes = 8UL * 1024;

enum class LockEntryKind : std::uint8_t {
    file,  // a path as the user wrote it, or file://: whoever opened the lock opens it
    url,   // http:// or https://
};

/// How much of a channel's record a lock keeps.
enum class RecordExtent : std::uint8_t {
    file_name,  // @EXPLICIT: nothing beside the name of the file
    depends,    // conda-lock v1: no constrains, no features, no time
    whole,      // pixi.lock and our own form: as the channel had it
};

/// What a lock tells of a package beside its place.
struct LockedRecord {
    RecordExtent extent = RecordExtent::file_name;
    std::string name;  // empty when only the file name tells
    std::string version;
    std::string build;
    std::optional<std::uint64_t> build_number;
    std::string subdir;
    std::string noarch;  // "python", "generic" or empty
    std::optional<std::uint64_t> size_bytes;
    std::optional<std::int64_t> timestamp_ms;
    std::vector<std::string> depends;
    std::vector<std::string> constrains;
    std::vector<std::string> track_features;
    std::string license;
    std::string license_family;
    std::string python_site_packages_path;
    bool operator==(const LockedRecord&) const = default;
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
    LockedRecord record = {};
};

/// A package that pip installs after the conda ones.
struct PipEntry {
    std::string name;
    std::string version;
    std::string location;  // as written: a URL, git+https://…, a path
    std::optional<std::string> sha256;
    std::optional<std::string> md5;
    std::vector<std::string> requires_dist;
    std::string requires_python;
    bool is_editable = false;
    Span span = {};
};

/// What a lock was resolved from, as far as it says; specifications in the user's order.
struct LockInputs {
    std::vector<std::string> channels;  // as asked for
    std::string channel_priority;       // "strict", "flexible", "disabled" or empty
    std::vector<std::string> virtual_packages;
    std::vector<std::string> specifications;
    std::vector<std::string> pip;
    std::vector<std::string> pins = {};                 // held for what is installed
    std::map<std::string, std::string> variables = {};  // that the environment sets
    std::string category = {};                          // of conda-lock; empty: "main"
    /// All channels that were used, by priority; empty where they are those asked for. cep-42 wants
    /// `channels` to stay what was asked for, so what their relations added stands beside it.
    std::vector<std::string> channel_order = {};
    bool operator==(const LockInputs&) const = default;
};

/// The packages of one environment for one platform, whatever form the lock has: @EXPLICIT
/// (cep-23) here, the others in input/.
struct Lock {
    std::optional<std::string> platform;  // of the comment "# platform: linux-64"
    std::vector<LockEntry> entries;       // in the order written
    LockInputs inputs = {};
    std::vector<PipEntry> pip = {};
};

/// Shape    every line that is neither empty nor a comment nor @EXPLICIT is one entry.
/// Errors   invalid_input with the place: not an @EXPLICIT file (the hint says what it looks like),
///          not a package, an anchor of another form, the same package twice; too_large.
Result<Lock> parse_lock(std::string_view text, const std::string& file);

/// The place of one package: kind, location and file name of a URL, file:// or path.
/// Errors   invalid_input: not a package; unsupported: another scheme.
Result<LockEntry> parse_lock_location(std::string_view written);

/// Name, version and build of "numpy-1.26.4-py311h64a7726_0": the last two dashes part them
/// (cep-26). nullopt when a part is missing.
struct DistParts {
    std::string_view name;
    std::string_view version;
    std::string_view build;
};

std::optional<DistParts> parse_dist(std::string_view dist);

/// The lock again as @EXPLICIT: inverse of parse_lock() but for comments and empty lines.
std::string render(const Lock& lock);

/// "numpy-1.26.4-py311h64a7726_0" of a package's file name: without .conda or .tar.bz2; nullopt
/// for other names.
std::optional<std::string_view> dist_of(std::string_view file_name);

/// The URL without user:password@, /t/TOKEN and query, as conda-meta may show it (conda#5955).
std::string without_credentials(std::string_view url);

}  // namespace kiln::conda
