#include "layers/conda/repodata_record.hpp"

#include <fmt/format.h>

namespace kiln::conda {

namespace {

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

void set_text(json::Object& index, std::string_view key, const std::string& value) {
    if (!value.empty()) {
        index[key] = value;
    }
}

}  // namespace

Result<void> follow_record(
    const PackageRecord& record, KnowsConstrains constrains, PackageMetadata& metadata
) {
    if (record.name != metadata.name) {
        return fail(
            Code::invalid_input,
            "the package is {}, and was locked as {}",
            metadata.name,
            record.name
        );
    }
    json::Object& index = metadata.index;
    metadata.depends = record.depends;
    index["depends"] = json::from_texts(record.depends);
    if (constrains == KnowsConstrains::yes) {
        index["constrains"] = json::from_texts(record.constrains);
        if (record.track_features.empty()) {
            index.erase("track_features");
        } else {
            index["track_features"] = joined(record.track_features);
        }
    }
    set_text(index, "license", record.license);
    set_text(index, "license_family", record.license_family);
    if (record.timestamp_ms) {
        index["timestamp"] = *record.timestamp_ms;
    }
    if (metadata.noarch == Noarch::no && record.noarch != Noarch::no) {
        metadata.noarch = record.noarch;
    }
    if (!record.python_site_packages_path.empty()) {
        metadata.python_site_packages_path = record.python_site_packages_path;
        index["python_site_packages_path"] = record.python_site_packages_path;
    }
    return {};
}

}  // namespace kiln::conda
