#include "layers/conda/input/lock_record.hpp"

#include "layers/conda/input/lock_order.hpp"

#include <algorithm>
#include <utility>

namespace kiln::conda {

namespace {

/// "https://c.example/forge" of "https://c.example/forge/linux-64/a-1-0.conda": what stands before
/// subdir and file name.
std::string channel_of(std::string_view url, std::string_view subdir) {
    url = url.substr(0, url.rfind('/'));
    if (!subdir.empty() && url.ends_with(subdir)
        && url.substr(0, url.size() - subdir.size()).ends_with('/')) {
        url.remove_suffix(subdir.size() + 1);
    }
    return std::string(url);
}

Noarch noarch_of(std::string_view text) {
    return text == "python" ? Noarch::python : text == "generic" ? Noarch::generic : Noarch::no;
}

}  // namespace

Result<PackageRecord> record_of(const LockEntry& entry) {
    const LockedRecord& locked_record = entry.record;
    PackageRecord record;
    record.name = name_of(entry);
    const auto dist = dist_of(entry.file_name);
    const auto parts = dist ? parse_dist(*dist) : std::nullopt;
    const std::string version = !locked_record.version.empty() ? locked_record.version
                                : parts                        ? std::string(parts->version)
                                                               : "";
    auto parsed = Version::parse(version);
    if (!parsed) {
        return fail(std::move(parsed).error().with_where(entry.span));
    }
    record.version = std::move(*parsed);
    record.build = !locked_record.build.empty() ? locked_record.build
                   : parts                      ? std::string(parts->build)
                                                : "";
    record.build_number = locked_record.build_number.value_or(0);
    record.depends = locked_record.depends;
    record.constrains = locked_record.constrains;
    record.track_features = locked_record.track_features;
    std::sort(record.track_features.begin(), record.track_features.end());
    record.track_features.erase(
        std::unique(record.track_features.begin(), record.track_features.end()),
        record.track_features.end()
    );
    record.subdir = subdir_of(entry);
    record.noarch = noarch_of(locked_record.noarch);
    if (entry.sha256) {
        TRY_ASSIGN(record.sha256, Digest::parse_hex(*entry.sha256));
    }
    if (entry.md5) {
        record.md5 = parse_md5(*entry.md5);
    }
    record.size_bytes = locked_record.size_bytes;
    if (locked_record.timestamp_ms) {
        record.timestamp_ms = timestamp_ms(*locked_record.timestamp_ms);
    }
    record.license = locked_record.license;
    record.license_family = locked_record.license_family;
    record.python_site_packages_path = locked_record.python_site_packages_path;
    record.file_name = entry.file_name;
    if (entry.kind == LockEntryKind::url) {
        record.url = public_location(entry);
        record.channel = channel_of(record.url, record.subdir);
        record.channel_name = record.channel;
    }
    return record;
}

Result<LockEntry> locked(const PackageRecord& record) {
    TRY_ASSIGN(LockEntry entry, parse_lock_location(record.url));
    entry.sha256 = record.sha256 ? std::optional(record.sha256->hex()) : std::nullopt;
    entry.md5 = record.md5 ? std::optional(render_md5(*record.md5)) : std::nullopt;
    entry.record = {
        .extent = RecordExtent::whole,
        .name = record.name,
        .version = record.version.text(),
        .build = record.build,
        .build_number = record.build_number,
        .subdir = record.subdir,
        .noarch = record.noarch == Noarch::python    ? "python"
                  : record.noarch == Noarch::generic ? "generic"
                                                     : "",
        .size_bytes = record.size_bytes,
        .timestamp_ms = record.timestamp_ms,
        .depends = record.depends,
        .constrains = record.constrains,
        .track_features = record.track_features,
        .license = record.license,
        .license_family = record.license_family,
        .python_site_packages_path = record.python_site_packages_path};
    return entry;
}

}  // namespace kiln::conda
