#include "layers/conda/package_metadata.hpp"

#include "layers/conda/entry_point.hpp"
#include "layers/conda/link.hpp"
#include "layers/conda/manifest.hpp"
#include "layers/tar/tar_entry.hpp"
#include "store/base/limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::conda {

namespace {

/// What a package's own text says wrong is the package's fault, not the user's.
Error as_corrupt(Error error, std::string_view package) {
    error.code = error.code == Code::too_large ? Code::too_large : Code::corrupt;
    error.where.reset();
    error.message = fmt::format("{}: {}", package, error.message);
    return error;
}

Result<void> read_index(std::string_view text, PackageMetadata& metadata);
Result<void> read_link(std::string_view text, PackageMetadata& metadata);
Result<Noarch> noarch_of(const json::Value* value);
bool is_plain(std::string_view part);

}  // namespace

std::span<const ManifestPath> ManifestPaths::below(std::string_view directory) const {
    const auto before = [](std::string_view wanted, const ManifestPath& each) {
        return tar::path_less(wanted, each.path);
    };
    const auto first = std::upper_bound(begin(), end(), directory, before);
    const auto last = std::find_if_not(first, end(), [directory](const ManifestPath& each) {
        return is_below(each.path, directory);
    });
    return {first, last};
}

Result<PackageMetadata> read_metadata(const InfoTexts& info, std::string_view package) {
    const auto blame = [package](auto& failed) {
        return fail(as_corrupt(std::move(failed).error(), package));
    };
    if (!info.index) {
        return fail(Code::corrupt, "{}: the package holds no info/index.json", package);
    }
    PackageMetadata metadata;
    if (auto read = read_index(*info.index, metadata); !read) {
        return blame(read);
    }
    if (info.link) {
        if (auto read = read_link(*info.link, metadata); !read) {
            return blame(read);
        }
    }
    if (!info.paths && !info.files) {
        return fail(
            Code::corrupt, "{}: the package holds neither info/paths.json nor info/files", package
        );
    }
    auto paths = info.paths ? read_paths_json(*info.paths)
                            : read_old_manifest(
                                *info.files, info.has_prefix.value_or(""), info.no_link.value_or("")
                            );
    if (!paths) {
        return blame(paths);
    }
    metadata.paths = ManifestPaths(std::move(*paths));
    return metadata;
}

namespace {

Result<void> read_index(std::string_view text, PackageMetadata& metadata) {
    TRY_ASSIGN(const json::Value value, json::parse(text, "info/index.json"));
    json::ObjectReader in(value, "info/index.json");
    metadata.name = in.text("name");
    metadata.version = in.text("version");
    metadata.build = in.text_or("build", "");
    metadata.subdir = in.text_or("subdir", "");
    metadata.depends = in.texts_or_empty("depends");
    metadata.python_site_packages_path = in.text_or("python_site_packages_path", "");
    Result<Noarch> noarch = noarch_of(in.find("noarch"));
    TRY(in.finish(json::UnknownFields::ignore));
    TRY_ASSIGN(metadata.noarch, std::move(noarch));
    for (const std::string* part : {&metadata.name, &metadata.version}) {
        if (part->empty() || !is_plain(*part)) {
            return fail(Code::corrupt, "\"{}\" in info/index.json is no name or version", *part);
        }
    }
    if (!is_plain(metadata.build) || !is_plain(metadata.subdir)) {
        return fail(Code::corrupt, "info/index.json holds a build or subdir that is no plain name");
    }
    if (metadata.dist().size() > limits::k_name_bytes - std::string_view(".json").size()) {
        return fail(Code::corrupt, "the name {} is too long for a file", metadata.dist());
    }
    metadata.index = value.as_object();
    return {};
}

/// {"noarch": {"type": "python", "entry_points": […]}}, or only the inner object in the noarch.json
/// of 2016. Where index.json forgot to say noarch, this says it (conda#8311).
Result<void> read_link(std::string_view text, PackageMetadata& metadata) {
    TRY_ASSIGN(const json::Value value, json::parse(text, "info/link.json"));
    json::ObjectReader outer(value, "info/link.json");
    const json::Value* inner = outer.find("noarch");
    TRY(outer.finish(json::UnknownFields::ignore));
    if (inner == nullptr) {
        inner = &value;
    }
    json::ObjectReader in(*inner, "noarch in info/link.json");
    Result<Noarch> noarch = noarch_of(in.find("type"));
    const std::vector<std::string> entry_points = in.texts_or_empty("entry_points");
    TRY(in.finish(json::UnknownFields::ignore));
    TRY(noarch);
    if (metadata.noarch == Noarch::no) {
        metadata.noarch = *noarch;
    }
    if (metadata.noarch != Noarch::python) {
        return {};
    }
    for (const std::string& entry_point : entry_points) {
        TRY_ASSIGN(EntryPoint parsed, parse_entry_point(entry_point));
        metadata.entry_points.push_back(std::move(parsed));
    }
    return {};
}

Result<Noarch> noarch_of(const json::Value* value) {
    if (value == nullptr) {
        return Noarch::no;
    }
    if (value->is_bool()) {
        return value->as_bool() ? Noarch::generic : Noarch::no;
    }
    if (value->is_string() && value->as_string() == "python") {
        return Noarch::python;
    }
    for (const std::string_view generic : {"generic", "true", "True"}) {  // conda-build wrote all
        if (value->is_string() && value->as_string() == generic) {
            return Noarch::generic;
        }
    }
    return fail(Code::corrupt, "noarch is {}, neither python nor generic", json::render(*value));
}

/// Fit for a file name and a line of text: conda's own names, versions and builds are narrower.
bool is_plain(std::string_view part) {
    return std::none_of(part.begin(), part.end(), [](char letter) {
        return letter == '/' || letter == '\\' || static_cast<unsigned char>(letter) <= ' '
               || letter == '\x7f';
    });
}

}  // namespace

}  // namespace kiln::conda
