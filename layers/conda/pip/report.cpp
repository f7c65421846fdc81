#include "layers/conda/pip/report.hpp"

#include "layers/conda/input/lock_order.hpp"
#include "layers/conda/pip/distribution.hpp"
#include "store/base/json.hpp"

#include <algorithm>

namespace kiln::conda {
namespace {

/// "sha256=HEX", as old reports have it.
void read_hash(std::string_view text, PipEntry& entry) {
    constexpr std::string_view k_sha256 = "sha256=";
    if (text.starts_with(k_sha256)) {
        entry.sha256 = text.substr(k_sha256.size());
    }
}

Result<void> read_archive(const json::Value& value, PipEntry& entry) {
    json::ObjectReader in(value, "the archive of " + entry.name);
    read_hash(in.text_or("hash", ""), entry);
    if (const json::Value* hashes = in.find("hashes")) {
        json::ObjectReader each(*hashes, "the hashes of " + entry.name);
        if (const auto sha256 = each.optional_text("sha256")) {
            entry.sha256 = *sha256;
        }
        TRY(each.finish(json::UnknownFields::ignore));
    }
    return in.finish(json::UnknownFields::ignore);
}

std::string placed(std::string location, const std::map<std::string, std::string>& places) {
    constexpr std::string_view k_file = "file://";
    if (!location.starts_with(k_file)) {
        return location;
    }
    const std::string path = percent_decoded(std::string_view(location).substr(k_file.size()));
    if (const auto whole = places.find(path); whole != places.end()) {
        return whole->second;
    }
    const std::size_t slash = std::min(path.rfind('/'), path.size());
    const auto directory = places.find(path.substr(0, slash));
    // "+" of a local version is a letter of URLs, and no other letter of a wheel's name is special.
    return directory == places.end() ? location : directory->second + path.substr(slash);
}

Result<PipEntry> read_install(
    const json::Value& value, const std::map<std::string, std::string>& places
) {
    json::ObjectReader in(value, "a package in pip's report");
    PipEntry entry;
    const json::Value* metadata = in.find("metadata");
    const json::Value* download = in.find("download_info");
    TRY(in.finish(json::UnknownFields::ignore));
    if (metadata == nullptr || download == nullptr) {
        return fail(Code::upstream, "pip's report tells no metadata or no place of a package");
    }
    json::ObjectReader about(*metadata, "the metadata of a package in pip's report");
    entry.name = about.text("name");
    entry.version = about.text("version");
    entry.requires_python = about.text_or("requires_python", "");
    entry.requires_dist = about.texts_or_empty("requires_dist");
    TRY(about.finish(json::UnknownFields::ignore));
    json::ObjectReader from(*download, "the place of " + entry.name);
    entry.location = placed(from.text("url"), places);
    const json::Value* archive = from.find("archive_info");
    TRY(from.finish(json::UnknownFields::ignore));
    entry.location = public_location(entry);
    if (archive == nullptr) {
        return fail(Error{
            .code = Code::unsupported,
            .message =
                fmt::format("{} comes from {}, which no hash pins", entry.name, entry.location),
            .hint = "name a wheel or an archive of it"});
    }
    TRY(read_archive(*archive, entry));
    return entry;
}

}  // namespace

namespace {

Result<std::vector<PipEntry>> read_report(
    std::string_view text, const std::map<std::string, std::string>& places
) {
    TRY_ASSIGN(const json::Value document, json::parse(text, "pip's report"));
    std::vector<PipEntry> entries;
    json::ObjectReader in(document, "pip's report");
    in.each("install", [&](const json::Value& value) -> Result<void> {
        TRY_ASSIGN(entries.emplace_back(), read_install(value, places));
        return {};
    });
    TRY(in.finish(json::UnknownFields::ignore));
    std::sort(entries.begin(), entries.end(), [](const PipEntry& a, const PipEntry& b) {
        return normalized_distribution(a.name) < normalized_distribution(b.name);
    });
    return entries;
}

}  // namespace

Result<std::vector<PipEntry>> parse_pip_report(
    std::string_view text, const std::map<std::string, std::string>& places
) {
    auto entries = read_report(text, places);
    if (!entries && entries.error().code == Code::invalid_input) {
        Error error = std::move(entries).error();
        error.code = Code::upstream;  // the user wrote none of it
        return fail(std::move(error));
    }
    return entries;
}

}  // namespace kiln::conda
