#include "layers/conda/input/locked_package.hpp"

#include "layers/conda/input/lock_order.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace kiln::conda {

namespace {

using yaml::error_at;
using yaml::MappingReader;
using yaml::Node;

/// More names in a hint help nobody.
constexpr std::size_t k_listed_names = 20;

std::optional<std::string> read_hash(
    MappingReader& in, std::string_view algorithm, std::size_t digits
) {
    std::optional<std::string> hex = in.optional_text(algorithm);
    if (!hex || hex->empty()) {
        return std::nullopt;  // conda-lock wrote "md5: ''" where a channel had none
    }
    std::transform(hex->begin(), hex->end(), hex->begin(), [](char letter) {
        return letter >= 'A' && letter <= 'F' ? static_cast<char>(letter + 32) : letter;
    });
    if (hex->size() != digits || hex->find_first_not_of("0123456789abcdef") != std::string::npos) {
        in.refuse(error_at(
            *in.find(algorithm),
            fmt::format("{} is not {} of {} hex digits", *hex, algorithm, digits)
        ));
        return std::nullopt;
    }
    return hex;
}

/// conda-build ends build strings with the number: "h1_0", "0_cpython" and "py_0" tell 0.
std::optional<std::uint64_t> build_number_of(std::string_view build) {
    const std::size_t underscore = build.rfind('_');
    const std::string_view digits =
        underscore == std::string_view::npos ? build : build.substr(underscore + 1);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    return whole && !digits.empty() ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<LockEntry> locked_package(std::string_view location, Node place) {
    auto entry = parse_lock_location(location);
    if (!entry) {
        return fail(std::move(entry).error().with_where(place.span()));
    }
    entry->span = place.span();
    if (const auto dist = dist_of(entry->file_name)) {
        if (const auto parts = parse_dist(*dist)) {
            entry->record.name = parts->name;
            entry->record.version = parts->version;
            entry->record.build = parts->build;
            entry->record.build_number = build_number_of(parts->build);
        }
    }
    entry->record.subdir = subdir_of(*entry);
    return entry;
}

void read_record(MappingReader& in, LockedRecord& record) {
    record.name = in.text_or("name", record.name);
    record.version = in.text_or("version", record.version);
    record.build = in.text_or("build", record.build);
    if (const auto number = in.optional_number("build_number")) {
        record.build_number = number;
    }
    record.subdir = in.text_or("subdir", record.subdir);
    record.noarch = in.text_or("noarch", "");
    if (record.noarch == "true" || record.noarch == "false") {
        record.noarch = record.noarch == "true" ? "generic" : "";
    }
    record.size_bytes = in.optional_number("size");
    if (const auto timestamp = in.optional_number("timestamp")) {
        record.timestamp_ms = static_cast<std::int64_t>(
            std::min<std::uint64_t>(*timestamp, std::numeric_limits<std::int64_t>::max())
        );
    }
    if (const auto depends = in.find("depends")) {
        record.depends = in.texts_or_empty("depends");
    }
    record.constrains = in.texts_or_empty("constrains");
    // A list, or a text of names (rattler's v3).
    if (const auto features = in.find("track_features");
        features && features->kind() == yaml::Kind::sequence) {
        record.track_features = in.texts_or_empty("track_features");
    } else if (const auto text = in.optional_text("track_features")) {
        std::string_view rest = *text;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find_first_of(" ,"), rest.size());
            if (end > 0) {
                record.track_features.emplace_back(rest.substr(0, end));
            }
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    record.license = in.text_or("license", "");
    record.license_family = in.text_or("license_family", "");
    record.python_site_packages_path = in.text_or("python_site_packages_path", "");
}

Hashes read_hashes(MappingReader& in) {
    return {.sha256 = read_hash(in, "sha256", 64), .md5 = read_hash(in, "md5", 32)};
}

std::string listed(const std::vector<std::string>& names, std::string_view none) {
    if (names.empty()) {
        return std::string(none);
    }
    std::string text;
    const std::size_t shown = std::min(names.size(), k_listed_names);
    for (std::size_t i = 0; i < shown; ++i) {
        const bool is_last = i + 1 == shown && shown == names.size();
        text += (i == 0 ? "" : is_last ? " and " : ", ") + names[i];
    }
    return shown < names.size() ? text + ", …" : text;
}

}  // namespace kiln::conda
