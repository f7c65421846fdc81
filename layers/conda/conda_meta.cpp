#include "layers/conda/conda_meta.hpp"

#include "layers/conda/link.hpp"
#include "layers/conda/lockfile.hpp"
#include "layers/conda/package_layer.hpp"
#include "store/base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace kiln::conda {

namespace {

/// Objects of the record by key: what comes out sorted is the same however it was put together.
using Fields = std::map<std::string, json::Value, std::less<>>;

Result<void> add_file(
    const std::string& prefix, const std::string& name, std::string_view text, LayerBuilder& layer
);
json::Object in_key_order(Fields fields);
json::Value with_sorted_keys(const json::Value& value);
std::string channel_of(std::string_view url, std::string_view subdir);
std::string sha256_in_prefix(
    const LinkTarget& target, const std::string& prefix, const TableOfContents& table
);
bool is_unlike_manifest(const LinkTarget& target, std::string_view in_prefix);
json::Object describe_path(const LinkTarget& target, std::string in_prefix);

}  // namespace

CondaRecord render_conda_meta(
    const PlannedPackage& planned, const std::string& prefix, const TableOfContents& table
) {
    const EnvironmentPackage& package = planned.package;
    const PackageMetadata& metadata = package.metadata;
    Fields record;
    for (const auto& [key, value] : metadata.index) {
        record.insert_or_assign(std::string(key), with_sorted_keys(value));
    }
    const std::string url = without_credentials(package.url);
    record["url"] = url;
    record["channel"] = package.channel.empty() ? channel_of(url, metadata.subdir)
                                                : without_credentials(package.channel);
    record["fn"] = package.file_name;
    record["sha256"] = package.sha256.hex();
    record["size"] = package.size_bytes;
    if (!package.md5.empty()) {
        record["md5"] = package.md5;
    }
    // cep-32 asks for these three; no package cache lies in the image.
    record["extracted_package_dir"] = "";
    record["package_tarball_full_path"] = "";
    record["link"] = in_key_order({{"source", ""}, {"type", 1}});
    record["requested_specs"] = json::from_texts(package.requested_specs);
    if (metadata.noarch != Noarch::no) {
        record["noarch"] = metadata.noarch == Noarch::python ? "python" : "generic";
    }
    json::Array files;
    json::Array paths;
    std::vector<std::string> unlike;
    // What another package has in its place is none of this one's files: removing this one must
    // not take it away.
    const auto targets = kept_targets(planned);
    ASSERT(targets.has_value());  // the plan has linked the same package before
    for (const LinkTarget& target : *targets) {
        if (target.source == nullptr || target.source->type != PathType::directory) {
            files.emplace_back(target.path);
        }
        std::string in_prefix = sha256_in_prefix(target, prefix, table);
        if (is_unlike_manifest(target, in_prefix)) {
            unlike.emplace_back(target.path);
        }
        paths.emplace_back(describe_path(target, std::move(in_prefix)));
    }
    for (const std::string& compiled : planned.compiled) {
        files.emplace_back(compiled);
        paths.emplace_back(json::Object{{"_path", compiled}, {"path_type", "pyc_file"}});
    }
    record["files"] = std::move(files);
    record["paths_data"] = in_key_order({{"paths", std::move(paths)}, {"paths_version", 1}});
    return {json::render_pretty(in_key_order(std::move(record))), std::move(unlike)};
}

Result<void> write_conda_record(
    const PlannedPackage& planned,
    const std::string& prefix,
    const CondaRecord& record,
    LayerBuilder& layer
) {
    return add_file(prefix, planned.package.metadata.dist() + ".json", record.text, layer);
}

Result<void> write_conda_meta_head(const EnvironmentPlan& plan, LayerBuilder& layer) {
    const std::string root = plan.prefix.substr(1);
    for (const std::string& path : {root, root + "/conda-meta"}) {
        tar::TarEntry entry;
        entry.path = path;
        entry.type = tar::EntryType::directory;
        entry.mode = 0755;
        entry.mtime = k_made_mtime;
        TRY(layer.add(entry));
    }
    if (plan.frozen) {
        const std::string text = plan.frozen->empty()
                                     ? ""
                                     : json::render_pretty(json::Object{{"message", *plan.frozen}});
        TRY(add_file(plan.prefix, "frozen", text, layer));
    }
    TRY(add_file(plan.prefix, "history", "", layer));
    if (!plan.variables.empty()) {
        const json::Object state{{"env_vars", json::from_text_map(plan.variables)}};
        TRY(add_file(plan.prefix, "state", json::render_pretty(state), layer));
    }
    return {};
}

namespace {

Result<void> add_file(
    const std::string& prefix, const std::string& name, std::string_view text, LayerBuilder& layer
) {
    tar::TarEntry entry;
    entry.path = fmt::format("{}/conda-meta/{}", prefix.substr(1), name);
    entry.mode = 0644;
    entry.mtime = k_made_mtime;
    entry.size_bytes = text.size();
    return layer.add(entry, as_bytes(text));
}

json::Object in_key_order(Fields fields) {
    json::Object object;
    for (auto& [key, value] : fields) {
        object.emplace(key, std::move(value));
    }
    return object;
}

/// Recursion ends at limits::k_json_depth, to which the package's text was held when it was parsed.
json::Value with_sorted_keys(const json::Value& value) {
    if (const json::Object* object = value.if_object()) {
        Fields fields;
        for (const auto& [key, each] : *object) {
            fields.insert_or_assign(std::string(key), with_sorted_keys(each));
        }
        return in_key_order(std::move(fields));
    }
    if (const json::Array* array = value.if_array()) {
        json::Array sorted;
        for (const json::Value& each : *array) {
            sorted.push_back(with_sorted_keys(each));
        }
        return sorted;
    }
    return value;
}

/// The URL without file name and subdir: cep-26.
std::string channel_of(std::string_view url, std::string_view subdir) {
    std::string_view channel = url.substr(0, url.rfind('/') == url.npos ? 0 : url.rfind('/'));
    if (!subdir.empty() && channel.ends_with(subdir)) {
        const std::string_view above = channel.substr(0, channel.size() - subdir.size());
        if (above.ends_with('/')) {
            channel = above.substr(0, above.size() - 1);
        }
    }
    return std::string(channel);
}

/// Empty: it is no file, or not there.
std::string sha256_in_prefix(
    const LinkTarget& target, const std::string& prefix, const TableOfContents& table
) {
    const auto index = table.find(fmt::format("{}/{}", prefix.substr(1), target.path));
    if (!index) {
        return "";
    }
    const TableRow row = table.row(*index);
    return row.entry.type == tar::EntryType::file ? row.content.hex() : "";
}

bool is_unlike_manifest(const LinkTarget& target, std::string_view in_prefix) {
    const ManifestPath* source = target.source;
    return source != nullptr && source->type == PathType::file && source->placeholder.empty()
           && !source->sha256.empty() && !in_prefix.empty() && in_prefix != source->sha256;
}

json::Object describe_path(const LinkTarget& target, std::string in_prefix) {
    Fields fields;
    fields["_path"] = target.path;
    if (!in_prefix.empty()) {
        fields["sha256_in_prefix"] = std::move(in_prefix);
    }
    if (target.source == nullptr) {
        fields["path_type"] = "unix_python_entry_point";
        return in_key_order(std::move(fields));
    }
    const ManifestPath& source = *target.source;
    switch (source.type) {
        case PathType::file:
            fields["path_type"] = "hardlink";
            break;
        case PathType::symlink:
            fields["path_type"] = "softlink";
            break;
        case PathType::directory:
            fields["path_type"] = "directory";
            break;
    }
    if (!source.sha256.empty()) {
        fields["sha256"] = source.sha256;
    }
    if (source.size_bytes) {
        fields["size_in_bytes"] = *source.size_bytes;
    }
    if (source.no_link) {
        fields["no_link"] = true;
    }
    if (!source.placeholder.empty()) {
        fields["prefix_placeholder"] = source.placeholder;
        fields["file_mode"] = source.mode == FileMode::binary ? "binary" : "text";
    }
    return in_key_order(std::move(fields));
}

}  // namespace

}  // namespace kiln::conda
